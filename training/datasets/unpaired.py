"""Answers with a label, as KTO learns from: what users got is good, what the overseers turned down is bad."""

from __future__ import annotations

from collections import Counter

from agents.records import Settlement
from training.datasets.eligible import left_out, weight_of
from training.datasets.rows import UnpairedRow, answer
from training.datasets.source import Built, Source
from training.datasets.spec import CORRECTED, DatasetSpec
from training.lineage import trace

TURNED_DOWN = (*CORRECTED, "refused")
"""Outcomes of cases whose earlier responses the overseers did not let pass."""


def unpaired(source: Source, spec: DatasetSpec) -> Built:
    """The final answer of a case with one of the outcomes, labelled true, and every other response that was the case's
    own and that its overseers turned down, labelled false. Candidates that nobody judged are neither.
    """
    reasons: Counter[str] = Counter()
    rows: list[UnpairedRow] = []
    wanted = (*spec.unpaired.outcomes, *TURNED_DOWN)
    for case in sorted(source.settlements, key=lambda case: (case.arm, case.case_id)):
        reason = left_out(case, wanted, source.gold, spec)
        if reason is not None:
            reasons[reason] += 1
            continue
        rows += _rows(case, source.run, spec)
    return Built([*rows], reasons)


def _rows(case: Settlement, run: str, spec: DatasetSpec) -> list[UnpairedRow]:
    weight = weight_of(case, spec.weights)
    good = [("", case.final, True)] if case.outcome in spec.unpaired.outcomes else []
    turned_down = {one.text: one.step for one in case.responses if one.own and case.outcome in TURNED_DOWN}
    bad = [(step, text, False) for text, step in turned_down.items() if text.strip() and text != case.final]
    return [
        UnpairedRow(case.messages, answer(text), label, weight, trace(case, run, weight, step=step))
        for step, text, label in (*good, *bad)
        if text is not None
    ]
