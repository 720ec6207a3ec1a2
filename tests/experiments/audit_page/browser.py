"""A real browser for the tests of the page: Debian's chromium, by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def chromium() -> str | None:
    """The browser's program; None where there is none."""
    return shutil.which("chromium")


@contextmanager
def running() -> Iterator[Browser]:
    """A browser without a window."""
    # No expectation is about time: whoever waits for a busy machine waits long enough.
    expect.set_options(timeout=60_000)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


def sign_in(page: Page, url: str, token: str) -> None:
    """From the login to the work."""
    page.goto(url)
    page.get_by_label("Token").fill(token)
    page.keyboard.press("Enter")
    expect(page.locator("#work, .dash")).to_be_visible()


def start(page: Page) -> None:
    """Claim the first case by a key."""
    press(page, "Enter")
    expect(page.locator("#decide")).to_be_visible()


def press(page: Page, key: str) -> None:
    """A key, once the page takes keys: a moment after a new case, so that one held down decides nothing."""
    expect(page.locator("#work[data-ready]")).to_be_attached()
    page.keyboard.press(key)


def title(page: Page) -> str:
    """What is on the screen."""
    return page.locator("#case-title").inner_text()


def watched(context: BrowserContext) -> tuple[Page, list[str]]:
    """A page, and a list that will hold whatever it complains about or loads from elsewhere."""
    page, found = context.new_page(), []
    page.on("console", lambda message: found.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("dialog", lambda dialog: (found.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: found.append(request.url) if "//127.0.0.1:" not in request.url else None)
    return page, found
