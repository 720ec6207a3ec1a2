"""How long an auditor waits for the next case, with 100,000 cases open and 20 auditors at work.

`python -m benchmarks.audit [DATABASE_URL] [--servers N] [--pace SECONDS] [--reviewers N]`. Auditors are threads of as
many server processes as asked for (one, unless said): each claims a case, works on it for about `pace` seconds, decides
it, and claims the next. The default pace of 2 seconds is some thirty times that of people.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from agents.vocabulary import Verdict
from hierarchy.audit.decision import Decision
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Item
from hierarchy.journal import Journal

CASES, AUDITORS, SECONDS = 100_000, 20, 30.0
_PAGE = 10_000


def fill(target: str, cases: int, reviewers: int) -> float:
    """Put the cases into a new queue; returns the seconds that took."""
    started = time.perf_counter()
    with AuditQueue.open(target, "bench") as queue:
        for first in range(0, cases, _PAGE):
            queue.enqueue([_item(n, reviewers) for n in range(first, first + _PAGE)])
    return time.perf_counter() - started


def _item(n: int, reviewers: int) -> Item:
    payload = {"messages": [{"role": "user", "content": "a question " * 20}], "response": f"answer {n} " * 20}
    return Item("layers", f"case-{n:06}", "human@0", n, payload, priority=(n * 7919 % 1000) / 1000, reviewers=reviewers)


def serve(target: str, auditors: list[str], pace: float, seconds: float, out: Any) -> None:
    """Let auditors work for a time; puts (claim, decide) milliseconds [n] each."""
    times: tuple[list[float], list[float]] = ([], [])
    with AuditQueue.open(target, "bench", create=False) as queue:
        end = time.monotonic() + seconds
        threads = [threading.Thread(target=_work, args=(queue, name, pace, end, times)) for name in auditors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    out.put(times)


def _work(queue: AuditQueue, name: str, pace: float, end: float, times: tuple[list[float], list[float]]) -> None:
    draw = random.Random(name)
    # What a server does once, connecting and compiling its statements, is no auditor's wait.
    warm = queue.claim(name, time.time(), 600.0, hidden=True)
    assert warm is not None
    queue.decide(warm, Decision(Verdict.ACCEPT, name), time.time())
    time.sleep(draw.uniform(0, pace))
    while time.monotonic() < end:
        started = time.perf_counter()
        claim = queue.claim(name, time.time(), 600.0, hidden=True)
        times[0].append(1000 * (time.perf_counter() - started))
        assert claim is not None
        time.sleep(draw.uniform(0, 2 * pace))
        started = time.perf_counter()
        queue.decide(claim, Decision(Verdict.ACCEPT, name), time.time())
        times[1].append(1000 * (time.perf_counter() - started))


def measure(target: str, servers: int, pace: float, seconds: float) -> dict[str, Any]:
    """Milliseconds of claims and decisions, each [n], by all auditors."""
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    names = [f"auditor {n}" for n in range(AUDITORS)]
    args = [(target, names[i::servers], pace, seconds, out) for i in range(servers)]
    processes = [context.Process(target=serve, args=one) for one in args]
    for process in processes:
        process.start()
    parts = [out.get() for _ in processes]
    for process in processes:
        process.join()
    return {what: np.concatenate([part[i] for part in parts]) for i, what in enumerate(("claim", "decide"))}


def yardstick(folder: Path, seconds: float, out: list[float]) -> None:
    """Milliseconds of one-row commits to a SQLite file beside the queue's, five a second: what the disk alone takes."""
    with Journal.open(folder / "yardstick.sqlite") as journal:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            started = time.perf_counter()
            journal.set_meta("beat", str(started))
            out.append(1000 * (time.perf_counter() - started))
            time.sleep(0.2)


def main(words: list[str]) -> None:
    """Fill a queue, let auditors work, print percentiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", nargs="?", help="a database URL; default: a SQLite file of its own")
    parser.add_argument("--servers", type=int, default=1)
    parser.add_argument("--pace", type=float, default=2.0)
    parser.add_argument("--reviewers", type=int, default=1)
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        target = given.database or str(Path(folder) / "audit.sqlite")
        print(f"{given.cases} cases put in, in {fill(target, given.cases, given.reviewers):.1f} s")
        alone: list[float] = []
        beat = threading.Thread(target=yardstick, args=(Path(folder), given.seconds, alone))
        beat.start()
        found = measure(target, given.servers, given.pace, given.seconds)
        beat.join()
        for what, times in {**found, "one row alone": np.array(alone)}.items():
            p50, p95, p99 = np.percentile(times, [50, 95, 99])
            print(f"{what}: n {len(times)}, p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f}, most {times.max():.1f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
