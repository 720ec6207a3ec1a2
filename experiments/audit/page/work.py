"""Working through a lane: claim, decide, and at once the next one. A decision needs a live lease of one's own."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from experiments.audit.page.forms import (
    HeldForm,
    Lane,
    SessionForm,
    WrittenForm,
    decision_of,
    lane_of,
    written,
)
from experiments.audit.page.screen import CaseView, case_view, changed, desktop
from experiments.audit.page.site import Site, SiteOf
from experiments.audit.page.who import JUDGES, Reviewer, Signed
from hierarchy.audit.claims import Wanted
from hierarchy.audit.errors import Conflict, LateAnswer, NotTheirs, Refused
from hierarchy.audit.records import Claim

work_routes = APIRouter(prefix="/desk")


@work_routes.get("/{lane}")
def show(request: Request, site: SiteOf, signed: Reviewer, lane: Lane) -> Response:
    """The item they hold in this lane; where there is none, how many wait. Looking claims nothing."""
    _check_lane(signed, lane)
    held = _held(site, signed, lane)
    return _answer(request, site, signed, lane, None if held is None else case_view(site, held, site.clock()))


@work_routes.post("/{lane}/next")
def following(request: Request, site: SiteOf, signed: Reviewer, lane: Lane, form: SessionForm) -> Response:
    """Claim the next item of the lane, or go on with the one they hold."""
    _check_lane(signed, lane)
    return _next(request, site, signed, lane)


@work_routes.post("/{lane}/back")
def bring_back(request: Request, site: SiteOf, signed: Reviewer, lane: Lane, form: SessionForm) -> Response:
    """Be given again what was skipped."""
    _check_lane(signed, lane)
    site.queue.desk.bring_back(signed.name, site.clock())
    return _next(request, site, signed, lane)


@work_routes.post("/decide")
def decide(request: Request, site: SiteOf, signed: Reviewer, form: WrittenForm) -> Response:
    """Give a decision and show the next item. 409 where it came too late: what was written is kept, and shown."""
    claim = site.queue.desk.held_as(form.claim, signed.name, hidden=True)
    now = site.clock()
    try:
        decision = decision_of(form, claim, signed.name)
        site.queue.decide(claim, decision, now, then=_wanted(site, signed, lane_of(claim), now))
    except Conflict as error:
        kept = site.queue.desk.held_as(form.claim, signed.name, hidden=True)
        late = case_view(site, kept, now, over=_why(error, kept, now))
        if not isinstance(error, LateAnswer) and not late.draft.kept:
            raise
        return _answer(request, site, signed, late.lane, late, error.status)
    return _next(request, site, signed, lane_of(claim))


@work_routes.post("/draft")
def draft(request: Request, site: SiteOf, signed: Reviewer, form: WrittenForm) -> Response:
    """Keep what is written. A lease in its second half is renewed: who writes is at work."""
    claim, now = site.queue.desk.held_as(form.claim, signed.name), site.clock()
    site.queue.drafts.save(claim.item.key, signed.name, written(form), now)
    if now < claim.expires_at < now + site.lease_seconds / 2:
        with suppress(LateAnswer):
            claim = replace(claim, expires_at=site.queue.renew(claim, now, site.lease_seconds))
    change = changed(claim.item.payload.get("response"), written(form)["text"])
    return site.page(request, "diff.html.j2", change=change, left=max(0.0, claim.expires_at - now))


@work_routes.post("/skip")
def skip(request: Request, site: SiteOf, signed: Reviewer, form: HeldForm) -> Response:
    """Give the item back undecided and show the next one."""
    claim = site.queue.desk.held_as(form.claim, signed.name)
    with suppress(LateAnswer):
        site.queue.desk.skip(claim, site.clock())
    return _next(request, site, signed, lane_of(claim))


@work_routes.post("/stop")
def stop(request: Request, site: SiteOf, signed: Reviewer, form: HeldForm) -> Response:
    """Give the item back undecided, what was written kept, and show nothing else."""
    claim = site.queue.desk.held_as(form.claim, signed.name)
    with suppress(LateAnswer):
        site.queue.release(claim, site.clock())
    return _answer(request, site, signed, lane_of(claim), None)


@work_routes.post("/undo")
def undo(request: Request, site: SiteOf, signed: Reviewer, form: HeldForm) -> Response:
    """Take the decision given under this claim back and show its item; the one on the screen goes back to the queue."""
    given, now = site.queue.desk.held_as(form.claim, signed.name), site.clock()
    again = site.queue.desk.take_back(given.item.key, signed.name, now, site.lease_seconds, hidden=True)
    if form.current and form.current != again.token:
        with suppress(Refused):
            site.queue.release(site.queue.desk.held_as(form.current, signed.name), now)
    return _answer(request, site, signed, lane_of(again), case_view(site, again, now))


@work_routes.post("/again")
def again(request: Request, site: SiteOf, signed: Reviewer, form: HeldForm) -> Response:
    """Claim the item of a lease that ended once more, with what was written."""
    before, now = site.queue.desk.held_as(form.claim, signed.name), site.clock()
    claim = site.queue.desk.take_again(before.item.key, signed.name, now, site.lease_seconds, hidden=True)
    return _answer(request, site, signed, lane_of(claim), case_view(site, claim, now))


@work_routes.post("/renew")
def renew(request: Request, site: SiteOf, signed: Reviewer, form: HeldForm) -> Response:
    """More time for the item they hold."""
    claim, now = site.queue.desk.held_as(form.claim, signed.name, hidden=True), site.clock()
    claim = replace(claim, expires_at=site.queue.renew(claim, now, site.lease_seconds))
    return site.page(request, "lease.html.j2", left=claim.expires_at - now)


def _why(error: Conflict, claim: Claim, now: float) -> str:
    if not isinstance(error, LateAnswer):
        return str(error)
    if claim.item.due_at <= now:
        return "The case was due meanwhile; the policy for cases that nobody reviewed answers it."
    return "Your time for this case was over before your decision came."


def _check_lane(signed: Signed, lane: Lane) -> None:
    if lane is Lane.DISPUTES and not signed.judges:
        needed = " or ".join(role.value for role in JUDGES)
        raise NotTheirs(f"your role is {signed.holder.role.value}; this needs {needed}")


def _held(site: Site, signed: Signed, lane: Lane) -> Claim | None:
    held = site.queue.held(signed.name, site.clock(), hidden=True)
    return next((claim for claim in held if lane_of(claim) is lane), None)


def _wanted(site: Site, signed: Signed, lane: Lane, now: float) -> Wanted:
    disputed = lane is Lane.DISPUTES
    return Wanted(signed.name, now, site.lease_seconds, hidden=True, adjudicate=disputed, kind=lane.kind)


def _next(request: Request, site: Site, signed: Signed, lane: Lane) -> Response:
    now = site.clock()
    claim = _held(site, signed, lane) or site.queue.claim(**vars(_wanted(site, signed, lane, now)))
    case = None if claim is None else case_view(site, claim, now)
    return _answer(request, site, signed, lane, case, asked=True)


def _answer(
    request: Request,
    site: Site,
    signed: Signed,
    lane: Lane,
    case: CaseView | None,
    status: int = 200,
    asked: bool = False,
) -> Response:
    """The case, or that there is none, with what stands around it. A form that was no htmx leads to the lane's page.

    `asked`: a case was asked for, so that none means that there is none for this person.
    """
    if request.method == "POST" and "hx-request" not in request.headers and status == 200:
        return RedirectResponse(f"/desk/{lane.value}", 303)
    given = {"desk": desktop(site, signed, lane), "lease": site.lease_seconds, "csrf": signed.csrf, "signed": signed}
    return site.page(request, "work.html.j2", status, case=case, asked=asked, **given)
