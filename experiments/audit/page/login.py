"""Signing in with a token, and out."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from experiments.audit.page.forms import LoginForm, SessionForm
from experiments.audit.page.site import Site, SiteOf
from experiments.audit.page.who import Anyone
from hierarchy.audit.access import SESSION_SECONDS
from hierarchy.audit.errors import NotTheirs

login_routes = APIRouter()


@login_routes.get("/login")
def login_page(request: Request, site: SiteOf) -> Response:
    """Where to put a token."""
    return site.page(request, "login.html.j2", notice=None)


@login_routes.post("/login")
def login(request: Request, site: SiteOf, form: LoginForm) -> Response:
    """Begin a session: 401 for a token that opens nothing, 429 after too many of these."""
    address = request.client.host if request.client else ""
    now, access = site.clock(), site.queue.access
    wait = access.wait(address, now)
    if wait > 0:
        notice = f"too many tokens that open nothing; try again in {wait:.0f} seconds"
        answer: Response = site.page(request, "login.html.j2", 429, notice=notice)
        answer.headers["Retry-After"] = str(int(wait) + 1)
        return answer
    try:
        secret = access.sign_in(form.token.strip(), now)
    except NotTheirs as error:
        access.failed(address, now)
        return site.page(request, "login.html.j2", 401, notice=str(error))
    answer = RedirectResponse("/", 303)
    _set(site, answer, secret, int(SESSION_SECONDS))
    return answer


@login_routes.post("/logout")
def logout(site: SiteOf, signed: Anyone, form: SessionForm) -> Response:
    """End the session."""
    site.queue.access.sign_out(signed.secret)
    answer = RedirectResponse("/login", 303)
    _set(site, answer, "", 0)
    return answer


def _set(site: Site, answer: Response, secret: str, seconds: int) -> None:
    answer.set_cookie(
        site.cookie, secret, max_age=seconds, path="/", secure=site.secure, httponly=True, samesite="strict"
    )
