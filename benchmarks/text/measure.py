"""The text path in one run: this program, a bare asyncio task per case, LangGraph and Inspect AI, by cases a second."""

from __future__ import annotations

import gc
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from agents.records import Case, Message
from benchmarks.text import script
from benchmarks.text.bare import Bare, oversee_bare
from benchmarks.text.ours import oversee_text, text_arm

FAST, SLOW, REPEATS = 20_000, 300, 5
TABLES = ("visible", "hidden", "cases")
Way = Callable[[Sequence[Case], Path], Any]
_NONCE = re.compile(r"\b[0-9a-f]{16}\b")


def _ours(cases: Sequence[Case], folder: Path, listening: bool = False) -> None:
    oversee_text(cases, folder, text_arm(listening))


def _bare(cases: Sequence[Case], folder: Path) -> None:
    oversee_bare(cases, folder, Bare(script.answer, script.accept, script.halve))


def _questions() -> list[tuple[Message, ...]]:
    """What was asked since the last time, in an order of its own and without the nonces."""
    heard = [tuple((m.role, _NONCE.sub("nonce", m.content)) for m in question) for question in script.HEARD]
    script.HEARD.clear()
    return sorted(heard)


def check(count: int = 500) -> None:
    """Raise AssertionError unless the two ways ask the same questions and keep the same rows."""
    cases = script.cases(count)
    with tempfile.TemporaryDirectory() as name:
        ours, bare = Path(name, "ours"), Path(name, "bare")
        for folder in (ours, bare):
            folder.mkdir()
        _ours(cases, ours, listening=True)
        asked = _questions()
        oversee_bare(cases, bare, Bare(script.heard_answer, script.heard_accept, script.heard_halve))
        assert asked == _questions(), "the two ways do not ask the same questions"
        for table in TABLES:
            same = pq.read_table(ours / f"{table}.parquet").equals(pq.read_table(bare / f"{table}.parquet"))
            assert same, f"the two ways do not keep the same rows of {table}"


def _speed(way: Way, cases: Sequence[Case]) -> float:
    """Cases a second."""
    gc.collect()
    with tempfile.TemporaryDirectory() as name:
        start = time.perf_counter()
        way(cases, Path(name))
        return len(cases) / (time.perf_counter() - start)


def _slow_ways() -> tuple[dict[str, Way], dict[str, str]]:
    """The other frameworks that are installed, and why the others are left out."""
    ways: dict[str, Way] = {}
    skipped = {}
    wanted = "is not installed: pip install -c constraints.txt -e '.[bench]'"
    if find_spec("langgraph") and find_spec("langgraph.checkpoint.sqlite"):
        from benchmarks.text import by_langgraph

        ways |= {"LangGraph, SQLite checkpoints": by_langgraph.with_sqlite}
        ways |= {"LangGraph, checkpoints in memory": by_langgraph.in_memory}
    else:
        skipped["LangGraph"] = f"langgraph or langgraph-checkpoint-sqlite {wanted}"
    if find_spec("inspect_ai"):
        from benchmarks.text import by_inspect

        ways |= {"Inspect AI, log": by_inspect.with_log}
    else:
        skipped["Inspect AI"] = f"inspect-ai {wanted}"
    return ways, skipped


def measure() -> dict[str, Any]:
    """Medians over interleaved repeats: cases a second of each way, and this program's speed over each other's."""
    check()
    slow, skipped = _slow_ways()
    plan: list[tuple[str, Way, Sequence[Case]]] = [
        ("ours", _ours, script.cases(FAST)),
        ("asyncio", _bare, script.cases(FAST)),
        *((name, way, script.cases(SLOW)) for name, way in slow.items()),
    ]
    for _, way, cases in plan:
        _speed(way, cases[:50])  # what a process does once
    speeds: dict[str, list[float]] = {name: [] for name, _, _ in plan}
    for _ in range(REPEATS):
        for name, way, cases in plan:
            speeds[name].append(_speed(way, cases))
    ratios = {
        name: statistics.median(a / b for a, b in zip(speeds["ours"], others, strict=True))
        for name, others in speeds.items()
        if name != "ours"
    }
    return {
        "cases_per_second": {name: statistics.median(found) for name, found in speeds.items()},
        "ours_over": ratios,
        "skipped": skipped,
    }


def lines(found: dict[str, Any]) -> list[str]:
    """A line per way."""
    speeds = found["cases_per_second"]
    told = [f"text path, {FAST} cases: {speeds['ours']:.0f} cases/s, journal and Parquet; times the speed of:"]
    told += [f"  {name:34} {ratio:7.2f}   {speeds[name]:.0f} cases/s" for name, ratio in found["ours_over"].items()]
    return told + [f"  {name:34} skipped: {why}" for name, why in found["skipped"].items()]


if __name__ == "__main__":
    print("\n".join(lines(measure())))
