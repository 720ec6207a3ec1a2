"""What the application knows: the run, its queue, the rules beside a case, and how to write a page."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request
from jinja2 import Environment
from starlette.responses import HTMLResponse

from experiments.audit.page.kept import Kept
from experiments.audit.page.principles import Principles, principles_of
from experiments.audit.page.text import environment
from experiments.audit.run_queue import export_head
from experiments.config import ExperimentSpec
from experiments.folder import RunFolder
from hierarchy.audit.queue import AuditQueue

LEASE_SECONDS = 900.0


@dataclass(frozen=True)
class Site:
    """One run's page.

    Attributes:
        hosts: what the Host header may say; secure: whether the page itself speaks TLS.
        lease_seconds: how long a case is held; clock: seconds since the epoch.
    """

    queue: AuditQueue
    folder: RunFolder
    spec: ExperimentSpec
    hosts: frozenset[str]
    secure: bool = False
    lease_seconds: float = LEASE_SECONDS
    clock: Callable[[], float] = time.time
    templates: Environment = field(default_factory=environment)
    kept: Kept = field(default_factory=lambda: Kept(time.monotonic))
    principles: Principles = field(init=False)

    def __post_init__(self) -> None:
        """Read the constitutions, once."""
        object.__setattr__(self, "principles", principles_of(self.spec))

    @property
    def cookie(self) -> str:
        """The cookie's name: browsers do not keep the cookies of two ports apart, so it has the run in it."""
        run = hashlib.sha256(self.queue.run.encode()).hexdigest()[:8]
        return f"{'__Host-' if self.secure else ''}oversight-{run}"

    def page(self, request: Request, name: str, status: int = 200, **given: Any) -> HTMLResponse:
        """A template as a whole page, or as the part of it that htmx asked for."""
        layout = "part.html.j2" if "hx-request" in request.headers else "layout.html.j2"
        text = self.templates.get_template(name).render(layout=layout, run=self.spec.name, **given)
        return HTMLResponse(text, status)

    def tidy(self) -> None:
        """What must be done now and then: let the policy answer what is due, and keep the trail's head in the run."""
        self.queue.expire(self.clock())
        export_head(self.folder, self.queue.trail.head())


def site_of(request: Request) -> Site:
    """The site that the application was made for."""
    site: Site = request.app.state.site
    return site


SiteOf = Annotated[Site, Depends(site_of)]
