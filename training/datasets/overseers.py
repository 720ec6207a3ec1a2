"""What overseers were asked and should have answered, to train critics, judges and safety models. Hidden layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from agents.model import Use
from agents.records import Message, Question, Settlement
from training.datasets.eligible import left_out, weight_of
from training.datasets.rows import ASSISTANT, SftRow
from training.datasets.source import Built, Source
from training.datasets.spec import DatasetSpec, OverseerSpec
from training.lineage import HIDDEN, trace

ENDED = ("released", "revised", "redirected", "refused")


def critiques(source: Source, spec: DatasetSpec) -> Built:
    """Critics' critiques, each to the question it answered, and their verdicts on every principle."""
    return _taught(source, spec, spec.critiques, "critic", (Use.CRITIQUE, Use.VERDICT, Use.REVIEW_CRITIC, Use.LABEL))


def judgements(source: Source, spec: DatasetSpec) -> Built:
    """Judges' comparisons, each in both orders."""
    return _taught(source, spec, spec.judgements, "judge", (Use.COMPARE, Use.LABEL))


def safety(source: Source, spec: DatasetSpec) -> Built:
    """The safety models' analyses: a verdict on every principle, and whether the prompt tries to override the rules."""
    return _taught(source, spec, spec.safety, "safety", (Use.SCREEN, Use.OVERRIDE, Use.LABEL, Use.VERDICT))


def _taught(source: Source, spec: DatasetSpec, asked: OverseerSpec, role: str, uses: Collection[str]) -> Built:
    cases, reasons = eligible(source, spec)
    asked_for = [use for use in uses if use == Use.CRITIQUE or asked.labels]
    rows = []
    for question in sorted(source.questions(asked_for), key=lambda each: (each.arm, each.case_id)):
        case = cases.get((question.arm, question.case_id))
        if case is None or question.role != role:
            continue
        answer = question.settled if asked.teach == "settled" else question.answer
        if answer is None:
            reasons["not borne out" if question.use == Use.CRITIQUE else "not settled"] += 1
        else:
            rows.append(_row(source, spec, case, question, answer))
    return Built([*rows], reasons)


def eligible(source: Source, spec: DatasetSpec) -> tuple[dict[tuple[str, str], Settlement], Counter[str]]:
    """The cases whose overseers may teach, by (arm, case id): however they ended, if they did."""
    cases, reasons = {}, Counter[str]()
    for case in source.settlements:
        reason = left_out(case, ENDED, source.gold, spec)
        if reason is None:
            cases[case.arm, case.case_id] = case
        else:
            reasons[reason] += 1
    return cases, reasons


def _row(source: Source, spec: DatasetSpec, case: Settlement, question: Question, answer: str) -> SftRow:
    """The question as the model read it; where its style opens the turn itself, the answer goes on in that turn."""
    weight = weight_of(case, spec.weights)
    role = ASSISTANT if question.opens_turn else question.messages[-1].role
    lineage = trace(case, source.run, weight, HIDDEN, question.step)
    return SftRow(question.messages, (Message(role, answer),), weight, lineage)
