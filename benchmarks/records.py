"""Records of cases without text, over the pass that they record: processor time, interleaved."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from agents.simulated.lanes import keep_memory
from benchmarks.engine import PERSON
from benchmarks.graphs import LAYERS, PANEL, arm
from hierarchy.latent.auditor import Auditor
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.crew import latent_crew
from hierarchy.latent.records import case_table, encoded, visit_table
from hierarchy.oversee import oversee

BLOCK, BLOCKS = 32_768, 40


def measure() -> dict[str, dict[str, Any]]:
    """Time ratio, rows a second and bytes a row, by graph and kind of record."""
    pa.set_cpu_count(1)
    keep_memory()
    return {f"{kind}, {name}": one for name, text in (("panel", PANEL), ("layers", LAYERS)) for kind, one in _of(text)}


def _of(text: str) -> list[tuple[str, dict[str, Any]]]:
    one = arm(text)
    crew = latent_crew(one, Auditor(one.plan.places, one.seed, PERSON))
    seconds: dict[str, list[float]] = {"pass": [], "cases": [], "visits": []}
    rows, size = {"cases": 0, "visits": 0}, {"cases": 0, "visits": 0}
    for i in range(BLOCKS):
        block = LatentBlock(LatentCases.numbered(i * BLOCK, BLOCK), one.plan)
        seconds["pass"].append(_time(lambda b=block: (oversee(b, one.plan, crew), b.outcomes())))
        for kind, table in (("cases", case_table), ("visits", visit_table)):
            made: list[bytes] = []
            seconds[kind].append(_time(lambda t=table, b=block, m=made: m.append(encoded(t(b)))))
            rows[kind] += len(table(block))
            size[kind] += len(made[0])
    passed = statistics.median(seconds["pass"])
    return [
        (
            kind,
            {
                "ratio": statistics.median(seconds[kind]) / passed,
                "rows_per_second": rows[kind] / BLOCKS / statistics.median(seconds[kind]),
                "bytes_per_row": size[kind] / rows[kind],
            },
        )
        for kind in ("cases", "visits")
    ]


def _time(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
