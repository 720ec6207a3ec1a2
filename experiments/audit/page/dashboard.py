"""The queue and its auditors in figures; and appeals, which begin with what somebody looked up."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from experiments.audit.page.figures import accuracy, agreement, residual, waiting
from experiments.audit.page.forms import AppealForm
from experiments.audit.page.site import Site, SiteOf
from experiments.audit.page.who import Anyone, Judge, Signed
from hierarchy.audit.access import Role
from hierarchy.audit.errors import Conflict
from training.stale import mark_stale

dashboard_routes = APIRouter()
_GOLD_ROLES = (Role.ADMIN, Role.READ_ONLY)


@dashboard_routes.get("/dashboard")
def dashboard(request: Request, site: SiteOf, signed: Anyone) -> Response:
    """The figures that this role may see."""
    return _dashboard(request, site, signed)


@dashboard_routes.post("/appeal")
def appeal(request: Request, site: SiteOf, signed: Judge, form: AppealForm) -> Response:
    """Open a settled case again, and mark the training rows of its old decision. Not one's own: a gold case cannot be
    reopened, so that whoever decided one would learn what it was, and could undo it."""
    now, case_id, arm = site.clock(), form.case_id.strip(), form.arm.strip() or None
    if site.queue.desk.took_part(case_id, signed.name, arm):
        raise Conflict(f"case {case_id!r}: you decided it yourself; undo that, or let somebody else appeal")
    key = site.queue.reopen(case_id, form.reason, signed.name, now, arm)
    rows = mark_stale(site.folder.datasets / key.arm, {key.case_id})
    told = f"{key.case_id} waits again, epoch {key.epoch}; {rows} training rows of the old decision are marked stale"
    return _dashboard(request, site, signed, told)


def _dashboard(request: Request, site: Site, signed: Signed, told: str | None = None) -> Response:
    queue, kept = site.queue, site.kept
    sees_gold = signed.holder.role in _GOLD_ROLES
    viewer = signed.name if sees_gold else None
    return site.page(
        request,
        "dashboard.html.j2",
        signed=signed,
        csrf=signed.csrf,
        told=told,
        waits=kept.get(("waiting", signed.name), lambda: waiting(queue, signed.name, site.clock())),
        agreement=kept.get("agreement", lambda: agreement(queue)),
        residuals=kept.get(("residual", viewer), lambda: residual(site, viewer)),
        sees_gold=sees_gold,
        accuracy=kept.get(("accuracy", signed.name), lambda: accuracy(queue, signed.name)) if sees_gold else None,
        gold=queue.gold.count() if sees_gold else None,
    )
