"""Every route of the page, enumerated: closed without a session, and deaf to forms that are not its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount
from starlette.testclient import TestClient

from experiments.audit.page.app import make_app
from experiments.audit.page.guard import MOST_BYTES, POLICY
from hierarchy.audit.access import FAILURE_SECONDS, MOST_FAILURES, Role
from tests.experiments.audit_page.run import Desk, critique, proposal
from tests.experiments.audit_page.visitor import ORIGIN, Visitor

OPEN = ("/login",)


def routes(desk: Desk) -> Iterator[tuple[str, str]]:
    """Method and path of every route but login and static."""
    app = make_app(desk.site)
    mounts = [route.path for route in app.routes if isinstance(route, Mount)]
    assert mounts == ["/static"]
    found = [context for context in iter_route_contexts(app.routes) if isinstance(context.original_route, APIRoute)]
    assert len(found) > 12
    for context in found:
        for lane in ("cases", "disputes") if "{lane}" in context.path else ("",):
            path = context.path.replace("{lane}", lane)
            for method in sorted(context.methods):
                if path not in OPEN:
                    yield method, path


def test_without_a_session_every_route_leads_to_the_login_or_answers_401(desk: Desk) -> None:
    client = Visitor(desk, "nobody", signs_in=False).client
    before = desk.trail()
    for method, path in routes(desk):
        for cookie in ({}, {desk.site.cookie: "forged"}, {desk.site.cookie: desk.token("ann")}):
            client.cookies.update(cookie)
            answer = client.request(method, path, headers={"Origin": ORIGIN})
            client.cookies.clear()
            if method == "GET":
                assert (answer.status_code, answer.headers["location"]) == (303, "/login"), path
            else:
                assert answer.status_code == 401, path
            assert client.request(method, path, headers={"Origin": ORIGIN, "HX-Request": "1"}).status_code == 401
    assert desk.trail() == before + 1  # the token


def test_a_form_that_is_not_of_this_session_changes_nothing(desk: Desk) -> None:
    desk.queue.enqueue([proposal(), critique()])
    eve, ann = Visitor(desk, "eve", Role.ADMIN), Visitor(desk, "ann", Role.ADMIN)
    ann.start()
    held = ann.forms["/desk/decide"]
    foreign = eve.start().forms["/desk/decide"]["csrf"]
    before = desk.trail()
    changing = [path for method, path in routes(desk) if method == "POST"]
    assert len(changing) > 10
    for path in changing:
        for csrf in ({}, {"csrf": ""}, {"csrf": foreign}, {"csrf": "ü" * 10}, {"csrf": held["csrf"][:-1]}):
            assert ann.send(path, **csrf, claim=held["claim"], verdict="accept").status == 403, path
    for path in (*changing, *OPEN):
        for headers in (
            {},
            {"Origin": "null"},
            {"Origin": "http://evil.example"},
            {"Origin": "http://testserver.evil.example"},
            {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        ):
            given = {**held, "verdict": "accept", "token": desk.token("ann")}
            assert ann.client.post(path, data=given, headers=headers).status_code == 403, (path, headers)
        wrong = {"Origin": ORIGIN, "Host": "evil.example"}
        assert ann.client.post(path, data=held, headers=wrong).status_code == 421
    assert desk.trail() == before


def test_roles_are_kept_apart(desk: Desk) -> None:
    reader, auditor = Visitor(desk, "rea", Role.READ_ONLY), Visitor(desk, "ann", Role.AUDITOR)
    csrf = {who.name: who.get("/dashboard").forms["/logout"]["csrf"] for who in (reader, auditor)}
    before = desk.trail()
    for method, path in routes(desk):
        if path.startswith("/desk"):
            reached = reader.get(path) if method == "GET" else reader.send(path, csrf=csrf["rea"])
            assert reached.status == 403, path
        if "disputes" in path or path == "/appeal":
            reached = auditor.get(path) if method == "GET" else auditor.send(path, csrf=csrf["ann"])
            assert reached.status == 403, path
    assert desk.trail() == before
    assert reader.get("/").client.get("/").headers["location"] == "/dashboard"
    assert auditor.client.get("/").headers["location"] == "/desk/cases"
    assert "disputes" not in auditor.get("/desk/cases").page
    assert "Appeal against" not in auditor.get("/dashboard").text


def test_a_token_that_was_taken_back_closes_the_page_at_once(desk: Desk) -> None:
    ann = Visitor(desk, "ann")
    assert ann.get("/desk/cases").status == 200
    desk.queue.access.revoke("ann", desk.clock())
    assert ann.get("/desk/cases").status == 303


def test_a_session_is_over_when_its_holder_leaves_or_does_nothing_for_an_hour(desk: Desk) -> None:
    ann = Visitor(desk, "ann").get("/desk/cases")
    cookies = dict(ann.client.cookies)
    assert ann.submit("/logout").status == 303
    ann.client.cookies.update(cookies)
    assert ann.get("/desk/cases").status == 303
    bob = Visitor(desk, "bob").start()
    desk.clock.now += 3_601
    before = desk.trail()
    bob.submit("/desk/decide", verdict="accept")
    assert bob.status == 401
    assert "Your session is over" in bob.text
    assert desk.trail() == before


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(desk: Desk) -> None:
    for secure in (False, True):
        object.__setattr__(desk.site, "secure", secure)
        origin = ORIGIN.replace("http", "https") if secure else ORIGIN
        with TestClient(make_app(desk.site), base_url=origin, follow_redirects=False) as client:
            answer = client.post("/login", data={"token": desk.token("ann")}, headers={"Origin": origin})
        said = answer.headers["set-cookie"].lower()
        assert "httponly" in said
        assert "samesite=strict" in said
        assert "path=/" in said
        assert ("secure" in said) == secure
        assert said.startswith("__host-") == secure
        assert desk.token("ann").lower() not in said


def test_every_answer_forbids_what_the_page_does_not_need(desk: Desk) -> None:
    ann = Visitor(desk, "ann").start()
    answers = [
        ann.client.get("/login"), ann.client.get("/desk/cases"), ann.client.get("/static/page.js"),
        ann.client.get("/nothing"), ann.client.get("/", headers={"Host": "evil.example"}),
        ann.client.post("/desk/decide", data={}, headers={"Origin": ORIGIN}),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 421, 403]
    for answer in answers:
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["X-Frame-Options"] == "DENY"
        kept = "no-cache" if "/static/" in str(answer.request.url) else "no-store"
        assert answer.headers["Cache-Control"] == kept
    assert "unsafe" not in POLICY
    assert POLICY.startswith("default-src 'none'")


def test_nothing_describes_the_routes(desk: Desk) -> None:
    ann = Visitor(desk, "ann", Role.ADMIN)
    for path in ("/docs", "/redoc", "/openapi.json", "/static/", "/static/../app.py", "/static/%2e%2e/app.py"):
        assert ann.get(path).status == 404, path


def test_a_request_no_form_would_make_is_refused_before_it_is_read(desk: Desk) -> None:
    ann = Visitor(desk, "ann").get("/desk/cases")
    before = desk.trail()
    asked = {"Origin": ORIGIN, "Content-Type": "application/x-www-form-urlencoded"}
    big = b"a=" + b"x" * MOST_BYTES
    assert ann.client.post("/desk/cases/next", content=big, headers=asked).status_code == 413
    assert ann.client.post("/desk/cases/next", content=iter([b"csrf="]), headers=asked).status_code == 411
    assert ann.client.post("/desk/cases/next", json={"csrf": "x"}, headers={"Origin": ORIGIN}).status_code == 415
    files = {"csrf": ("name", b"x")}
    assert ann.client.post("/desk/cases/next", files=files, headers={"Origin": ORIGIN}).status_code == 415
    assert ann.client.put("/desk/cases", content=b"csrf=", headers=asked).status_code == 405
    assert desk.trail() == before


def test_too_many_wrong_tokens_have_to_wait(desk: Desk) -> None:
    ann = Visitor(desk, "ann", signs_in=False)
    token = desk.token("ann")
    before = desk.trail()
    for _ in range(MOST_FAILURES):
        assert ann.send("/login", token="wrong").status == 401
    assert ann.send("/login", token=token).status == 429
    assert "try again in 60 seconds" in ann.text
    desk.clock.now += FAILURE_SECONDS
    assert ann.send("/login", token=f" {token}\n").status == 303
    assert desk.trail() == before


@pytest.mark.parametrize("token", ["", "x" * 201, "\ud800".encode("utf-8", "surrogatepass"), "' OR 1=1 --"])
def test_no_token_of_any_kind_opens_by_mistake(desk: Desk, token: str | bytes) -> None:
    desk.token("ann")
    assert Visitor(desk, "ann", signs_in=False).send("/login", token=token).status in (401, 422)
