"""Supervised rows: a prompt and the answer that the hierarchy settled on, or every revision that led to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from agents.records import Settlement, Written
from training.datasets.eligible import settled, weight_of
from training.datasets.helpful import mixed_in
from training.datasets.rows import Row, SftRow, answer
from training.datasets.source import Built, Conversation, Source
from training.datasets.spec import DatasetSpec
from training.lineage import trace


def supervised(source: Source, spec: DatasetSpec) -> Built:
    """One row per settled case, or with `chain: revisions` one per revision of it.

    `outcomes` may have `refused`, whose text is the graph's refusal.
    """
    kept, reasons = settled(source, spec.sft.outcomes, spec)
    rows = [row for case in kept for row in _rows(case, source.run, spec)]
    return Built([*rows], reasons)


def helpful(rows: int, spec: DatasetSpec, gold: Collection[Conversation]) -> Sequence[Row]:
    """The helpful rows that are mixed in with so many supervised ones."""
    return mixed_in(spec.sft.helpful, rows, gold) if spec.sft.helpful is not None and rows else ()


def _rows(case: Settlement, run: str, spec: DatasetSpec) -> Iterator[SftRow]:
    weight = weight_of(case, spec.weights)
    for step, text in _answers(case, spec.sft.chain == "revisions"):
        yield SftRow(case.messages, answer(text), weight, trace(case, run, weight, step=step))


def _answers(case: Settlement, chain: bool) -> list[tuple[str, str]]:
    """(author, text) of what the case teaches: its revisions in order, each text once, and last the final answer."""
    final = case.final or ""
    earlier = {one.text: one.step for one in _before(case)} if chain else {}
    earlier.pop(final, None)
    return [*((step, text) for text, step in earlier.items() if text.strip()), ("", final)]


def _before(case: Settlement) -> list[Written]:
    """The revisions on the case's way to its last response. What a judge turned down led nowhere."""
    own = [one for one in case.responses if one.own]
    return [one for one in own[:-1] if 0 < one.revision < own[-1].revision]


def sft_rows(settlements: Sequence[Settlement], run: str, spec: DatasetSpec | None = None) -> list[SftRow]:
    """The supervised rows of settled cases. Raises InputError when no case may train, saying why."""
    built = supervised(Source(run, settlements), spec or DatasetSpec())
    return [row for row in built.required("supervised", len(settlements)) if isinstance(row, SftRow)]
