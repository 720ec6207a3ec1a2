"""The page in a real browser: keys, two people at once, a lease that ends, small screens, screen readers."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from agents.vocabulary import Verdict
from hierarchy.audit.access import Role
from hierarchy.audit.records import Item
from tests.experiments.audit_page import browser as chrome
from tests.experiments.audit_page.browser import press, sign_in, start, title, watched
from tests.experiments.audit_page.run import ASKED, Desk, case, critique, proposal, serving
from tests.hostile import HOSTILE


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if chrome.chromium() is None:
        pytest.skip("no chromium here (Debian: apt-get install chromium): the page is tested without a browser only")
    with chrome.running() as made:
        yield made


@pytest.fixture
def url(desk: Desk, browser: Browser) -> Iterator[str]:
    with serving(desk) as url:
        yield url


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1280, "height": 820})
    made.set_default_timeout(60_000)
    yield made
    made.close()


def given(desk: Desk, n: int) -> list[Verdict]:
    return [one.decision.verdict for one in desk.queue.decisions(case(n).key)]


def test_cases_are_decided_by_keys_without_the_page_loading_again(
    desk: Desk, url: str, context: BrowserContext
) -> None:
    page, complaints = watched(context)
    sign_in(page, url, desk.token("ann"))
    page.evaluate("window.loaded = 'once'")
    before = time.monotonic()
    start(page)
    assert title(page) == "case-0000"
    press(page, "2")
    expect(page.get_by_role("checkbox", name="privacy")).to_be_checked()
    page.keyboard.press("n")
    page.keyboard.type("a reason with r, a and s in it")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    expect(page.locator("#case-title")).to_have_text("case-0001")
    most = (time.monotonic() - before) / 60
    press(page, "e")
    page.keyboard.type(" Ask an expert.")
    expect(page.locator("#diff ins")).to_have_text(re.compile("Ask an expert."))
    page.keyboard.press("Control+s")
    expect(page.locator("#case-title")).to_have_text("case-0002")
    press(page, "s")
    expect(page.locator("#case-title")).to_have_text("case-0003")
    press(page, "a")
    expect(page.locator("#case-title")).to_have_text("case-0004")
    press(page, "u")
    expect(page.locator("#case-title")).to_have_text("case-0003")
    press(page, "f")
    expect(page.get_by_text("I see no violation.")).to_be_visible()
    page.keyboard.press("q")
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    assert page.evaluate("window.loaded") == "once"
    assert [given(desk, n) for n in range(4)] == [[Verdict.REJECT], [Verdict.REVISE], [], []]
    first, second = (desk.queue.decisions(case(n).key)[0].decision for n in (0, 1))
    assert (first.comment, first.principles) == ("a reason with r, a and s in it", ("privacy",))
    assert second.text == ASKED[1][1] + " Ask an expert."
    assert 0 < first.minutes <= most + 0.0005, "minutes are told to three places"
    assert desk.queue.held("ann", desk.clock()) == []
    assert complaints == []


def test_a_key_held_down_decides_one_case(desk: Desk, url: str, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, url, desk.token("ann"))
    start(page)
    expect(page.locator("#work[data-ready]")).to_be_attached()
    for _ in range(12):
        page.keyboard.down("a")
    page.keyboard.up("a")
    expect(page.locator("#case-title")).to_have_text("case-0001")
    assert desk.queue.desk.progress("ann").decided == 1
    page.get_by_role("button", name="Single keys are on").click()
    press(page, "a")
    page.keyboard.press("Control+a")
    assert title(page) == "case-0001"
    page.get_by_role("button", name="Single keys are off").click()
    press(page, "a")
    expect(page.locator("#case-title")).to_have_text("case-0002")


def test_two_people_at_once_have_different_cases(desk: Desk, url: str, browser: Browser) -> None:
    pages: list[Page] = []
    for name in ("ann", "bob"):
        pages.append(browser.new_context().new_page())
        sign_in(pages[-1], url, desk.token(name))
    for page in pages:
        start(page)
    seen = [title(page) for page in pages]
    for _ in range(2):
        for page in pages:
            before = title(page)
            press(page, "a")
            expect(page.locator("#case-title")).not_to_have_text(before)
            seen.append(title(page))
    assert len(set(seen)) == len(seen) == 6
    for page in pages:
        page.context.close()


def test_a_lease_that_ends_loses_nothing_that_was_written(desk: Desk, url: str, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, url, desk.token("ann"))
    start(page)
    press(page, "e")
    page.locator("#text").fill("Not quite.")
    desk.clock.now += 901
    page.keyboard.press("Control+s")
    expect(page.get_by_role("alert")).to_contain_text("Your time for this case was over")
    expect(page.get_by_label("Your draft")).to_contain_text("Not quite.")
    assert given(desk, 0) == []
    press(page, "Enter")
    expect(page.locator("#text")).to_have_value("Not quite.")
    desk.clock.now += 3_700
    page.locator("#text").fill("Not quite so.")
    page.get_by_role("button", name="Give this revision").click()
    expect(page.get_by_role("alert").first).to_contain_text("Your session is over")
    assert page.locator("#text").input_value() == "Not quite so."
    assert given(desk, 0) == []


def test_the_clock_of_a_lease_counts_down_and_warns(desk: Desk, url: str, context: BrowserContext) -> None:
    object.__setattr__(desk.site, "lease_seconds", 122.0)
    page = context.new_page()
    sign_in(page, url, desk.token("ann"))
    start(page)
    expect(page.locator("#lease")).to_have_class(re.compile("short"))
    expect(page.get_by_role("status").filter(has_text="Two minutes are left")).to_have_count(1)
    object.__setattr__(desk.site, "lease_seconds", 300.0)
    page.get_by_role("button", name="More time").click()
    expect(page.locator("#lease")).to_have_text(re.compile(r"[45]:\d\d left"))


def test_nothing_is_wider_than_a_screen_of_400_pixels(desk: Desk, url: str, context: BrowserContext) -> None:
    long = {**case(0).payload, "response": "Donaudampfschifffahrt" * 30, "tags": ["tag" * 40], "region": "r" * 90}
    arm, name, hidden = "an-arm-with-a-long-name" * 3, "case-" + "9" * 90, case(0).hidden
    desk.queue.enqueue([Item(arm, name, "human@0", 1, long, priority=9.0, hidden=hidden)])
    desk.queue.enqueue([proposal(), critique()])
    page = context.new_page()
    page.set_viewport_size({"width": 400, "height": 760})

    def fits() -> bool:
        return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    page.goto(url)
    assert fits()
    sign_in(page, url, desk.token("eve", Role.ADMIN))
    assert fits()
    start(page)
    page.locator("#findings summary").click()
    page.locator("#editor summary").click()
    assert fits()
    for path in ("/dashboard", "/desk/disputes"):
        page.goto(url + path)
        assert fits(), path
    for lane in ("proposals", "critiques"):
        page.goto(f"{url}/desk/{lane}")
        start(page)
        assert fits(), lane


def test_a_screen_reader_is_told_what_everything_is(desk: Desk, url: str, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_role("textbox", name="Token")).to_be_focused()
    sign_in(page, url, desk.token("ann"))
    start(page)
    expect(page.get_by_role("heading", level=1, name="case-0000")).to_be_focused()
    for role, name in (
        ("main", "case-0000"), ("navigation", "What waits"), ("complementary", "Constitution"),
        ("region", "Conversation"), ("region", "Response under review"), ("group", "Decision"),
        ("progressbar", "Decided by you"), ("button", "Accept"), ("button", "Revise"), ("button", "Reject"),
        ("button", "Skip"), ("button", "Undo"), ("button", "Stop"), ("button", "More time"), ("button", "Sign out"),
        ("checkbox", "harmful instructions"), ("checkbox", "privacy"), ("textbox", "Comment"), ("timer", ""),
    ):  # fmt: skip
        expect(page.get_by_role(role, name=re.compile(f"^{name}")).first).to_be_visible()  # type: ignore[arg-type]
    press(page, "e")
    expect(page.get_by_role("textbox", name="The response as you would have it")).to_be_focused()
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, input:not([type=hidden]), textarea, a')]"
        ".filter(e => !(e.textContent.trim() || e.ariaLabel || (e.labels && e.labels.length))).map(e => e.outerHTML)"
    )
    assert nameless == []
    assert page.locator("html").get_attribute("lang") == "en"
    page.keyboard.press("Escape")
    assert page.get_by_role("button", name="Accept").get_attribute("aria-keyshortcuts") == "a"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_hostile_text_runs_nothing_and_loads_nothing(desk: Desk, url: str, context: BrowserContext) -> None:
    def item(n: int, texts: list[str]) -> Item:
        payload = {**case(0).payload, "messages": [{"role": "user", "content": text} for text in texts]}
        payload["response"] = "\n".join(texts)
        reviews = [{"step": "critic", "verdict": "reject", "flagged": [], "critique": text} for text in texts]
        return Item("layers", f"h{n}", "human@0", n, payload, priority=9.0 - n / 10, hidden={"reviews": reviews})

    half = len(HOSTILE) // 2
    desk.queue.enqueue([item(0, HOSTILE[:half]), item(1, HOSTILE[half:])])
    page, complaints = watched(context)
    sign_in(page, url, desk.token("ann"))
    start(page)
    for name in ("h0", "h1"):
        expect(page.locator("#case-title")).to_have_text(name)
        assert page.locator("script").count() == 2
        assert page.locator("img, iframe, object, embed, svg, video, link[rel=import], base").count() == 1
        press(page, "f")
        press(page, "a")
    expect(page.locator("#case-title")).to_have_text("case-0000")
    assert complaints == []
    # The handler that was planted is asked first, and the one that tells of it after.
    plant = """html => new Promise(told => {
        document.body.insertAdjacentHTML("beforeend", html);
        document.body.lastElementChild.addEventListener("error", told);
    })"""
    with page.expect_console_message(lambda message: "inline event handler" in message.text) as refused:
        page.evaluate(plant, "<img src=/x onerror='window.hit = 1'>")
    assert page.evaluate("window.hit") is None
    assert "Content Security Policy" in refused.value.text
