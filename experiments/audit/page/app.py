"""The application: its routes, and how it says no."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from constitutions.errors import InputError
from experiments.audit.page.dashboard import dashboard_routes
from experiments.audit.page.guard import Guard
from experiments.audit.page.login import login_routes
from experiments.audit.page.site import Site, SiteOf
from experiments.audit.page.text import FOLDER
from experiments.audit.page.who import Anyone, NotSignedIn
from experiments.audit.page.work import work_routes
from hierarchy.audit.errors import Refused
from hierarchy.database import DatabaseTrouble

TIDY_SECONDS = 30.0
_log = logging.getLogger("oversight.page")


def make_app(site: Site) -> FastAPI:
    """The application for one run. It documents its routes to nobody."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=_tidying)
    app.state.site = site
    app.add_middleware(Guard, hosts=site.hosts, secure=site.secure)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")
    for routes in (login_routes, dashboard_routes, work_routes):
        app.include_router(routes)
    app.add_api_route("/", _home, methods=["GET"])
    app.add_exception_handler(NotSignedIn, _sign_in)
    app.add_exception_handler(InputError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _no_page)
    return app


def _home(site: SiteOf, signed: Anyone) -> Response:
    return RedirectResponse("/desk/cases" if signed.reviews else "/dashboard", 303)


@asynccontextmanager
async def _tidying(app: FastAPI) -> AsyncIterator[None]:
    """Tidy now and then, as long as the application is up."""
    task = asyncio.create_task(_tidy(app.state.site))
    try:
        yield
    finally:
        task.cancel()


async def _tidy(site: Site) -> None:
    while True:
        try:
            await run_in_threadpool(site.tidy)
        except InputError as error:
            _log.warning("%s", error)
        await asyncio.sleep(TIDY_SECONDS)


def _sign_in(request: Request, error: Exception) -> Response:
    """A page leads to the login. A form is told, so that what was written stays on the screen."""
    if request.method in ("GET", "HEAD") and "hx-request" not in request.headers:
        return RedirectResponse("/login", 303)
    return _told(request, 401, "Your session is over. What you wrote was kept a moment ago.", sign_in=True)


def _refused(request: Request, error: Exception) -> Response:
    """What the queue refuses has a status; what else a person gets wrong is 422, and a database that fails 503."""
    status = error.status if isinstance(error, Refused) else 503 if isinstance(error, DatabaseTrouble) else 422
    return _told(request, status, str(error))


def _malformed(request: Request, error: Exception) -> Response:
    """Which fields are wrong, without what was in them."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    where = "; ".join(f"{problem['loc'][-1]}: {problem['msg'].lower()}" for problem in problems)
    return _told(request, 422, f"this form cannot be read: {where}")


def _no_page(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _told(
        request, status, {404: "there is no such page", 405: "this page takes no such request"}.get(status, "")
    )


def _told(request: Request, status: int, notice: str, sign_in: bool = False) -> Response:
    """A line for a person; htmx puts it above what is on the screen, and leaves that as it is."""
    site: Site = request.app.state.site
    answer = site.page(request, "told.html.j2", status, notice=notice, sign_in=sign_in)
    answer.headers["HX-Retarget"] = "#notice"
    answer.headers["HX-Reswap"] = "innerHTML"
    return answer
