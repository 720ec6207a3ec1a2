"""What every request must be, and what every answer says to the browser, whichever route it is for.

A request names a host that this server goes by (against DNS rebinding). One that changes something comes from a page of
this very origin, is a small urlencoded form, and says so. An answer lets the browser run and load nothing but files of
this origin, and keep nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
MOST_BYTES = 1_000_000
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_SAID = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # "no-referrer" would make a browser send `Origin: null` with its forms, which is refused here.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Guard:
    """Stands before the application. `hosts`: what the Host header may say; `secure`: the page speaks TLS."""

    app: ASGIApp
    hosts: frozenset[str]
    secure: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        said = _saying(scope, send)
        refused = self.refusal(scope["method"], Headers(scope=scope))
        if refused is None:
            await self.app(scope, receive, said)
        else:
            status, why = refused
            await PlainTextResponse(f"{why}\n", status, headers={"Connection": "close"})(scope, receive, said)

    def refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        """Status and reason, where a request is none that this page could have made; None where it may pass."""
        host = headers.get("host", "").lower()
        if host not in self.hosts or len(headers.getlist("host")) > 1:
            return 421, "this server does not go by that name; it can be given one with --allow-host"
        if method in SAFE_METHODS:
            return None
        schemes = ("https",) if self.secure else ("http", "https")
        if headers.get("origin", "").lower() not in {f"{scheme}://{host}" for scheme in schemes}:
            return 403, "this form was not sent from this page"
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return 403, "this form was not sent from this page"
        length = headers.get("content-length", "")
        if not length.isascii() or not length.isdigit():
            return 411, "a form must say how long it is"
        if int(length) > MOST_BYTES:
            return 413, f"a form may have at most {MOST_BYTES} bytes"
        if int(length) and headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
            return 415, f"a form must be {_FORM}"
        return None


def _saying(scope: Scope, send: Send) -> Send:
    """`send`, with what every answer says to the browser."""
    kept = "no-cache" if scope["path"].startswith("/static/") else "no-store"

    async def said(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_SAID)
            headers["Cache-Control"] = kept
        await send(message)

    return said
