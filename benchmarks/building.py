"""Dataset building, in rows a second on one core: from a finished block of text to a file, lineage included.

The block is 4,096 cases with conversations of about 30 words through the topology `panel` (three critics who write, a
consensus, a reviser, a judge), played by scripted agents; half of the cases are revised. A row is counted once it is
synced to disk. What is timed is settling the cases, building the rows and writing the file. The hidden kinds also play
the overseers' roles again, to find the questions in the words their models read.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from agents.records import Case, Message
from agents.spec import AgentSpec, ScriptedSpec
from agents.view import Cases
from constitutions.constitution import Constitution, load_constitution
from hierarchy.arm import Arm
from hierarchy.block import Block
from hierarchy.compile import compile_graph
from hierarchy.oversee import oversee
from hierarchy.questions import questions
from hierarchy.reviews import reviews
from hierarchy.settlement import settlements
from hierarchy.topology import load_graph
from training.datasets import DatasetSpec, Source
from training.datasets.kinds import KINDS
from training.files import FORMATS

SAID = "the quick brown fox told nobody where the lazy dog keeps its letters and why they are kept there"
WORDS = SAID.split()


def _text(number: int, length: int) -> str:
    return " ".join(WORDS[(number * 7 + i * 3) % len(WORDS)] for i in range(length))


def answer(messages: Sequence[Message], seed: int) -> str:
    """An answer of twenty words, and a better one of twenty-one where a draft is to be rewritten."""
    better = "better " if "rewrite" in messages[0].content else ""
    return better + _text(seed % 997, 20)


def critique(messages: Sequence[Message], seed: int) -> str:
    """A critique of three sentences."""
    return ". ".join(_text(seed % 991 + i, 8) for i in range(3)) + "."


def verdict(messages: Sequence[Message], labels: Sequence[str]) -> list[float]:
    """Violated in every other case, whatever the principle; of two answers the better one, wherever it stands."""
    asked = messages[-1].content
    if labels[0] == "first":
        return [0.8, 0.2] if asked.find("better ") < asked.find("SECOND ANSWER") else [0.2, 0.8]
    return [0.8, 0.2] if "odd" in asked else [0.3, 0.7]


def finished(count: int) -> tuple[Arm, Block]:
    """An arm, and a block of `count` cases that it has overseen."""

    def constitution(_: str | None) -> Constitution:
        return load_constitution("microworld")

    script = ScriptedSpec(generate="benchmarks.building:critique", score="benchmarks.building:verdict")
    agents = dict.fromkeys(("critic_a", "critic_b", "critic_c", "judge"), AgentSpec(model=script))
    agents["base"] = AgentSpec(model=ScriptedSpec(generate="benchmarks.building:answer"))
    plan = compile_graph(load_graph("panel"), {*agents, "auditor"}, constitution)
    arm = Arm("panel", plan, agents, 1)
    asked = [Message("user", f"{_text(n, 12)} {('even', 'odd')[n % 2]} {n}") for n in range(count)]
    block = Block(Cases.of([Case(f"case-{n:06}", (message,)) for n, message in enumerate(asked)]), plan)
    performer = arm.performers()
    oversee(block, plan, {step.name: performer(step) for step in plan.steps})
    return arm, block


def source_of(arm: Arm, block: Block) -> Source:
    """What the builders read of it, settled anew."""
    asked, found = partial(questions, arm, block), partial(reviews, arm, block)
    return Source("bench", settlements(arm.name, block), asked, found)


def measure(rounds: int = 5, count: int = 4096) -> dict[str, dict[str, float]]:
    """Rows, and median rows a second of wall time and of CPU time, of every kind in both formats.

    All but `safety`: this topology has no safety model.
    """
    arm, block = finished(count)
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in (name for name in KINDS if name != "safety"):
            for form in FORMATS:
                runs = [_timed(arm, block, kind, form, Path(folder)) for _ in range(rounds)]
                found[f"{kind}.{form}"] = {
                    "rows": runs[0][0],
                    "rows_per_second": statistics.median(rows / wall for rows, wall, _ in runs),
                    "rows_per_cpu_second": statistics.median(rows / cpu for rows, _, cpu in runs),
                }
    return found


def _timed(arm: Arm, block: Block, kind: str, form: str, folder: Path) -> tuple[int, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    rows = KINDS[kind].build(source_of(arm, block), DatasetSpec()).required(kind, len(block))
    FORMATS[form](rows, folder / f"{kind}.{form}")
    return len(rows), time.perf_counter() - wall, time.process_time() - cpu


def lines(found: dict[str, dict[str, float]]) -> list[str]:
    """A line a dataset."""
    return [
        f"dataset {name:20} {it['rows']:7.0f} rows {it['rows_per_second']:8,.0f} rows/s, "
        f"CPU {it['rows_per_cpu_second']:8,.0f} rows/s"
        for name, it in found.items()
    ]


def main() -> None:
    """A line a dataset; with `--json`, one object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", type=int, default=4096)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.rounds, given.cases)
    print(json.dumps(found) if given.json else "\n".join(lines(found)))


if __name__ == "__main__":
    main()
