"""The audit queue in a terminal: `oversight audit work`.

- `command`: what the command does
- `app`: the application and its screen, a case at a time
- `case`: how a case is shown; reviewed text is hostile, so it is shown as text and never read as markup
- `writing`: where a revision and a comment are written, and a label is chosen
- `work.tcss`: what it looks like
"""
