"""The page on which people work: `oversight audit serve RUN`. Described in docs/audit-page.md.

- `serve`: the command; `address`: where it listens and what it is called; `app`: the application; `site`: what it knows
- `guard`: hosts, origins, sizes and headers of every request; `who`: who is signed in, and may do what
- `login`, `work`, `dashboard`: the routes; `limit`: how often a login may fail; `kept`: figures kept for a moment
- `forms`: what comes in; `screen`: what one case shows; `figures`: what the dashboard shows
- `text`: how templates write text that is never trusted; `principles`: the rules beside a case
- `token`: `oversight audit token`

| route | who | what it does |
| --- | --- | --- |
| GET, POST `/login` | anybody | begin a session with a token |
| GET `/static/...` | anybody | style, scripts, icon |
| POST `/logout` | whoever is signed in | end the session |
| GET `/` | whoever is signed in | to the work, or to the dashboard |
| GET `/dashboard` | whoever is signed in | the queue and its auditors in figures |
| GET `/desk/{lane}` | auditor, adjudicator, admin | the item they hold, or how many wait |
| POST `/desk/{lane}/next` | the same | claim the next item of a lane |
| POST `/desk/{lane}/back` | the same | bring back what they skipped |
| POST `/desk/draft` | the same | keep what is written; answers with the difference to the response |
| POST `/desk/decide`, `/skip`, `/stop`, `/undo`, `/again`, `/renew` | the same | work on an item they hold, or held |
| POST `/appeal` | adjudicator, admin | open a settled case again |

Lanes are `cases`, `disputes` (adjudicator and admin only), `proposals` and `critiques`.
"""
