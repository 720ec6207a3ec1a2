"""The pictures of docs/audit-page.md: `python -m tests.experiments.audit_page.pictures docs/pictures`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from agents.vocabulary import Verdict
from hierarchy.audit.access import Role
from hierarchy.audit.decision import Decision
from hierarchy.audit.design import DesignSpec
from hierarchy.audit.gold import GoldCase
from hierarchy.audit.records import Item
from hierarchy.audit.sample_store import SampleStore
from tests.experiments.audit_page.browser import press, running, sign_in, start
from tests.experiments.audit_page.run import ASKED, START, Desk, case, critique, open_desk, proposal, serving

REVISED = "I cannot help to find where she works. " + ASKED[0][1].split("\n\n")[1]


def fill(desk: Desk) -> None:
    """A queue that has been worked on for a while by two people, gold cases and a sample of the released among it."""
    queue = desk.queue
    queue.enqueue([case(n, reviewers=2 if n % 4 == 1 else 1) for n in range(60)])
    queue.enqueue([proposal(), critique()])
    gold = [GoldCase(f"g{n}", dict(case(2 * (n % 2)).payload), n % 2 == 0, hidden=dict(case(0).hidden or {}))
            for n in range(16)]  # fmt: skip
    queue.gold.add(gold, START, spare=[f"case-{n:04}" for n in range(100, 116)])
    queue.gold.set_share(0.4, START)
    sample(desk)
    for turn in range(28):
        for name in ("ben", "cleo"):
            if (claim := queue.claim(name, START, 60.0, "layers")) is not None:
                errs = turn % 7 == 3 if name == "cleo" else turn == 20
                verdict = Verdict.ACCEPT if fine(claim.item) != errs else Verdict.REJECT
                queue.decide(claim, Decision(verdict, name, minutes=1.5 + turn % 3), START)
    queue.gold.set_share(0.0, START)
    queue.enqueue([case(90, priority=9.0)])


def fine(item: Item) -> bool:
    """Whether the response is the one that violates nothing."""
    return bool(item.payload["response"] == ASKED[2][1])


def sample(desk: Desk) -> None:
    """A sample of 400 released cases, answered."""
    names = [f"released-{n:03}" for n in range(400)]
    score_N = np.random.default_rng(0).beta(1, 9, len(names))
    store = SampleStore(desk.queue.engine, desk.queue.run)
    store.plan("layers", DesignSpec(design="priority", budget=80, floor=0.5, aim="top"), names, score_N, score_N, START)
    drawn = store.draw("layers", START)
    items = [Item("layers/sample", name, "sample", n, case(n).payload, enqueued_at=START - 600)
             for n, name in enumerate(drawn)]  # fmt: skip
    desk.queue.enqueue(items)
    for n, item in enumerate(items):
        verdict = Verdict.REJECT if n in (7, 30, 51) else Verdict.ACCEPT
        desk.queue.decide(item.key, Decision(verdict, "ben", minutes=1.0), START)


def take(browser: Browser, desk: Desk, url: str, folder: Path) -> None:
    """Every picture, each by what a person would do."""
    page = browser.new_page(viewport={"width": 1180, "height": 780}, color_scheme="light")
    page.goto(url)
    shot(page, folder / "login.png", (0, 0, 1180, 560))
    sign_in(page, url, desk.token("ana", Role.ADMIN))
    start(page)
    press(page, "f")
    page.keyboard.press("2")
    shot(page, folder / "case.png")
    page.keyboard.press("e")
    page.locator("#text").fill(REVISED)
    expect(page.locator("#diff ins").first).to_be_visible()
    page.locator("#editor").scroll_into_view_if_needed()
    page.evaluate("document.getElementById('editor').scrollIntoView({block: 'center'})")
    page.emulate_media(color_scheme="dark")
    shot(page, folder / "revision.png")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 400, "height": 780})
    page.emulate_media(color_scheme="light")
    page.goto(url + "/desk/cases")
    expect(page.locator("#work[data-ready]")).to_be_attached()
    page.evaluate("document.getElementById('editor').open = false; scrollTo(0, 0)")
    shot(page, folder / "narrow.png")
    page.set_viewport_size({"width": 1180, "height": 900})
    page.goto(url + "/dashboard")
    shot(page, folder / "dashboard.png", full=True)


def shot(page: Page, path: Path, clip: tuple[int, int, int, int] | None = None, full: bool = False) -> None:
    """A screenshot in 256 colours, which is half of the bytes and looks the same."""
    area = None if clip is None else dict(zip(("x", "y", "width", "height"), clip, strict=True))
    page.screenshot(path=path, clip=area, full_page=full)  # type: ignore[arg-type]
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def main(folder: Path) -> None:
    """Serve a run of pretence and take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, open_desk(Path(name) / "run") as desk:
        fill(desk)
        with running() as browser, serving(desk) as url:
            take(browser, desk, url, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
