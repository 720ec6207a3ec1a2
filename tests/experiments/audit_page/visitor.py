"""A person with a browser that does as it is told: signs in, reads what a form holds, and sends it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx2
from starlette.testclient import TestClient

from experiments.audit.page.app import make_app
from hierarchy.audit.access import Role
from tests.experiments.audit_page.run import Desk

ORIGIN = "http://testserver"


class Forms(HTMLParser):
    """The hidden fields of every form by its action, and the text of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self.text = ""
        self.handlers: list[str] = []
        self._form: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        if tag == "form":
            self._form = self.forms[given.get("action") or ""] = {}
        if tag == "input" and given.get("type") == "hidden":
            self._form[given.get("name") or ""] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        self.text += data


@dataclass
class Visitor:
    """One person's client; `page` is what they see. `url`: a server's, in place of the application itself."""

    desk: Desk
    name: str
    role: Role = Role.AUDITOR
    signs_in: bool = True
    url: str | None = None
    page: str = ""
    status: int = 0
    client: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        if self.url is None:
            self.client = TestClient(make_app(self.desk.site), base_url=ORIGIN, follow_redirects=False)
        else:
            self.client = httpx2.Client(base_url=self.url, follow_redirects=False, timeout=30, verify=False)
        if self.signs_in:
            token = self.desk.token(self.name, self.role)
            assert self.send("/login", token=token).status == 303

    @property
    def forms(self) -> dict[str, dict[str, str]]:
        """The hidden fields of the forms on the page, by action."""
        return Forms(self.page).forms

    @property
    def text(self) -> str:
        """What is to be read on the page, in one line."""
        return re.sub(r"\s+", " ", Forms(self.page).text)

    def get(self, path: str) -> Visitor:
        """Go somewhere."""
        answer = self.client.get(path)
        self.page, self.status = answer.text, answer.status_code
        return self

    def send(self, path: str, **given: Any) -> Visitor:
        """Send exactly this, as htmx does, from a page of this origin."""
        headers = {"Origin": self.url or ORIGIN} | ({} if path in ("/login", "/logout") else {"HX-Request": "true"})
        answer = self.client.post(path, data=given, headers=headers)
        self.page, self.status = answer.text, answer.status_code
        return self

    def submit(self, path: str, **given: Any) -> Visitor:
        """Send a form of the page, with what was filled in."""
        return self.send(path, **{**self.forms[path], **given})

    def start(self, lane: str = "cases") -> Visitor:
        """Claim the first item of a lane."""
        return self.get(f"/desk/{lane}").submit(f"/desk/{lane}/next")
