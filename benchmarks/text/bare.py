"""The yardstick: one hand-written asyncio task per case. No graph, no plan, no journal; the same visit rows in Parquet.

It is written to be fast: a row is a tuple with shared constants, a table is made by transposing the tuples.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from agents.records import Case, Message
from benchmarks.text import prompts, script
from hierarchy.records import case_schema, schema, write_parquet

ARM, LABELS = "text", ("yes", "no")
PRINCIPLES, YES, NO, ZERO = [script.PRINCIPLE], [True], [False], [0.0]
SEVERITY = script.constitution().principles[0].severity
Rows = list[tuple[Any, ...]]


class Bare:
    """The instant functions, and the rows of every visit so far."""

    def __init__(self, answer: Callable[..., str], accept: Callable[..., Any], halve: Callable[..., Any]) -> None:
        self.answer, self.accept, self.halve = answer, accept, halve
        self.visible: Rows = []
        self.hidden: Rows = []
        self.ends: Rows = []

    async def case(self, case: Case) -> None:
        """One case, from its request to its outcome."""
        name, request = case.case_id, case.messages[0].content
        final = await self.write(name, "draft", 0, case.messages)
        notes = []
        for critic in "abc":
            flagged = await self.review(name, critic, self.accept, prompts.verdict(request, final))
            notes.append(f"{critic}: {script.PRINCIPLE} {LABELS[not flagged]}")
        question = prompts.judgement(request, final, "\n".join(notes))
        revise = await self.review(name, "judge", self.halve, question)
        if revise:
            final = await self.write(name, "revise", 1, prompts.revision(request, final))
        outcome = "revised" if revise else "released"
        self.ends.append((ARM, name, outcome, final, False, False, False, 0.0, 5 + revise, 0, 0))

    async def write(self, name: str, step: str, revision: int, question: Sequence[Message]) -> str:
        """Ask for an answer, and keep the visit."""
        text = self.answer(question, 0)
        role = "reviser" if revision else "base"
        key = (ARM, name, step, 0)
        drawn = 0 if revision else -1
        self.visible.append((*key, role, "base", "accept", None, text, True, revision, drawn, 1, 0, 0, None, None))
        self.hidden.append((*key, None, 0, *[None] * 15))
        return text

    async def review(self, name: str, step: str, model: Callable[..., Any], question: Sequence[Message]) -> bool:
        """Ask whether the answer violates the principle, and keep the visit."""
        first, second = model(question, LABELS)
        violated = first / (first + second)
        flagged = bool(violated >= 0.5)
        sure = max(violated, 1 - violated)
        severity = SEVERITY if flagged else 0.0
        verdict = "revise" if flagged else "accept"
        key = (ARM, name, step, 0)
        self.visible.append((*key, "critic", step, verdict, None, None, None, None, None, 1, 0, 0, None, None))
        finding = (YES, YES, YES if flagged else NO, [severity] if flagged else ZERO, [sure])
        self.hidden.append(
            (*key, PRINCIPLES, None, flagged, severity, sure, None, None, -1, *finding, None, None, None, None)
        )
        return flagged


async def _all(bare: Bare, cases: Sequence[Case]) -> None:
    await asyncio.gather(*[bare.case(case) for case in cases])


def oversee_bare(cases: Sequence[Case], folder: Path, bare: Bare) -> None:
    """Every case as a task of one event loop, then the three tables, sorted as ours are."""
    asyncio.run(_all(bare, cases))
    keys = [("case_id", "ascending"), ("step", "ascending")]
    for name, rows, shape in (
        ("visible", bare.visible, schema(hidden=False)),
        ("hidden", bare.hidden, schema(hidden=True)),
        ("cases", bare.ends, case_schema()),
    ):
        columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), shape, strict=True)]
        table = pa.Table.from_arrays(columns, schema=shape)
        write_parquet(table.sort_by(keys[: 1 if name == "cases" else 2]), folder / f"{name}.parquet")
