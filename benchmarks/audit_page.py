"""How long a person waits between a decision and the next case, with 10,000 cases open.

`python -m benchmarks.audit_page [DATABASE_URL] [--cases N] [--auditors N] [--decisions N]`. The page is a process of
its own (`oversight audit serve`); auditors are clients of it that decide, see the next case, think for a moment and
decide again. Where Debian's chromium is installed, the last line is what a person in a browser sees: from the key to
the next case, laid out. The yardstick is one-row commits to a file beside the queue: what the disk takes alone.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import numpy as np

from benchmarks.audit import yardstick
from experiments.audit.run_queue import run_queue
from experiments.config import load_experiment
from experiments.folder import RunFolder, open_folder
from hierarchy.audit.access import Role
from hierarchy.audit.records import Item

CONFIG = Path(__file__).parents[1] / "experiments" / "configs" / "simulated.yaml"
_PAGE = 10_000
_PACE = 0.5
_WATCH = """
window.waits = [];
document.addEventListener("keydown", () => { window.pressed = performance.now(); }, true);
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "work")
    requestAnimationFrame(() => window.waits.push(performance.now() - window.pressed));
});
"""


def filled(folder: Path, database: str | None, cases: int, auditors: int) -> tuple[RunFolder, list[str]]:
    """A run with that many open cases, and a token for each auditor."""
    sets = ["auditor={kind: human}", *([f"execution.database={database}"] if database else [])]
    run = open_folder(folder / "run", load_experiment(CONFIG, sets))
    with run_queue(run, run.spec()) as queue:
        for first in range(0, cases, _PAGE):
            queue.enqueue([_item(n) for n in range(first, min(first + _PAGE, cases))])
        tokens = [queue.access.add(f"auditor {n}", Role.AUDITOR, time.time(), 86_400.0) for n in range(auditors)]
    return run, tokens


def _item(n: int) -> Item:
    payload = {
        "messages": [{"role": "user", "content": "a question " * 40}],
        "response": f"answer {n} " * 80,
        "principles": ["harmful_instructions", "privacy", "uncertainty"],
        "labels": [],
    }
    reviews = [{"step": f"critic_{c}", "verdict": "reject", "flagged": ["privacy"], "critique": "why " * 60}
               for c in "abc"]  # fmt: skip
    priority = (n * 7919 % 1000) / 1000
    return Item("layers", f"case-{n:06}", "human@0", n, payload, priority=priority, hidden={"reviews": reviews})


@contextmanager
def served(run: Path) -> Iterator[str]:
    """The page in a process of its own; gives its URL."""
    line = [sys.executable, "-c", "from experiments.cli import main; main()", "audit", "serve", str(run), "--port", "0"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        try:
            yield found[0].rstrip("/")
        finally:
            process.send_signal(signal.SIGINT)


def work(url: str, token: str, decisions: int, times: list[float]) -> None:
    """Decide so many cases over HTTP, as the page's script does; adds milliseconds."""
    draw = random.Random(token)
    with httpx2.Client(base_url=url, headers={"Origin": url, "HX-Request": "true"}, timeout=60) as client:
        client.post("/login", data={"token": token})
        page = client.get("/desk/cases").text
        page = client.post("/desk/cases/next", data={"csrf": _field(page, "csrf")}).text
        for n in range(decisions + 1):
            given = {"csrf": _field(page, "csrf"), "claim": _field(page, "claim"), "verdict": "accept"}
            started = time.perf_counter()
            answer = client.post("/desk/decide", data=given)
            took = 1000 * (time.perf_counter() - started)
            assert answer.status_code == 200
            page = answer.text
            if n:  # the first one compiles the statements and templates, once per server
                times.append(took)
            time.sleep(draw.uniform(0, 2 * _PACE))


def _field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page[:500]
    return found[1]


def browse(url: str, token: str, decisions: int) -> list[float]:
    """Decide so many cases by a key in a browser; milliseconds from the key to the next case on the screen."""
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as play:
        options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        page = browser.new_page()
        page.goto(url)
        page.get_by_label("Token").fill(token)
        page.keyboard.press("Enter")
        page.wait_for_selector("#work[data-ready]")
        page.evaluate(_WATCH)
        for key in ["Enter"] + ["a"] * decisions:
            before = page.locator("#case-title").inner_text()
            page.keyboard.press(key)
            expect(page.locator("#case-title")).not_to_have_text(before)
            page.wait_for_selector("#work[data-ready]")
        found: list[float] = page.evaluate("window.waits")
        browser.close()
    return found[2:]


def main(words: list[str]) -> None:
    """Fill a queue, serve it, let auditors work, print percentiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", nargs="?", help="a database URL; default: a SQLite file of its own")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--auditors", type=int, default=1)
    parser.add_argument("--decisions", type=int, default=200)
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run, tokens = filled(folder, given.database, given.cases, given.auditors + 1)
        found: dict[str, list[float]] = {"decide and next case": [], "one row alone": []}
        with served(run.path) as url:
            seconds = (given.decisions + 1) * _PACE
            beat = threading.Thread(target=yardstick, args=(folder, seconds, found["one row alone"]))
            people = [
                threading.Thread(target=work, args=(url, token, given.decisions, found["decide and next case"]))
                for token in tokens[1:]
            ]
            for thread in (beat, *people):
                thread.start()
            for thread in (beat, *people):
                thread.join()
            if shutil.which("chromium"):
                found["in a browser"] = browse(url, tokens[0], min(given.decisions, 100))
        for what, times in found.items():
            p50, p95, p99 = np.percentile(times, [50, 95, 99])
            print(f"{what}: n {len(times)}, p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f}, most {max(times):.1f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
