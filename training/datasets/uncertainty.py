"""Uncertainty notes: how sure the reviewers of a response were, in words, to train models that say so. Hidden layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from agents.model import Use
from agents.records import Message, Question, Settlement
from training.datasets.eligible import weight_of
from training.datasets.overseers import eligible
from training.datasets.rows import ASSISTANT, SftRow, answer
from training.datasets.source import Built, Source
from training.datasets.spec import DatasetSpec
from training.lineage import HIDDEN, trace

QUESTION = "Which principles could this answer break, and how sure is that?"
SURE = "Nothing is in doubt."
_VERDICTS = (Use.VERDICT, Use.SCREEN, Use.REVIEW_CRITIC)


def uncertainty(source: Source, spec: DatasetSpec) -> Built:
    """A note for every response that was judged principle by principle: the conversation with the response, `QUESTION`,
    and which verdicts were in doubt, by how many of the reviewers, at which mean confidence; or `SURE`.
    """
    cases, reasons = eligible(source, spec)
    said: dict[tuple[str, str, str], list[Question]] = defaultdict(list)
    for question in source.questions(_VERDICTS, False):
        if question.response and (question.arm, question.case_id) in cases:
            said[question.arm, question.case_id, question.response].append(question)
    rows = [
        _row(source.run, cases[arm, case], response, found, spec)
        for (arm, case, response), found in sorted(said.items(), key=lambda item: item[0])
    ]
    return Built([*rows], reasons)


def _row(run: str, case: Settlement, response: str, found: Sequence[Question], spec: DatasetSpec) -> SftRow:
    weight = weight_of(case, spec.weights)
    prompt = (*case.messages, Message(ASSISTANT, response), Message("user", QUESTION))
    lineage = trace(case, run, weight, HIDDEN, found[-1].step)
    return SftRow(prompt, answer(note(found, spec.uncertainty.confidence)), weight, lineage)


def note(found: Sequence[Question], confidence: float) -> str:
    """What is in doubt in the verdicts of some reviewers on one response, principle by principle."""
    by_principle: dict[str, list[Question]] = defaultdict(list)
    for question in found:
        by_principle[question.principle].append(question)
    doubts = [_doubt(name, said, confidence) for name, said in by_principle.items()]
    return " ".join(doubt for doubt in doubts if doubt) or SURE


def _doubt(principle: str, said: Sequence[Question], confidence: float) -> str:
    answers = [question.answer for question in said]
    most = max(dict.fromkeys(answers), key=answers.count)
    sure = sum(question.confidence or 0.5 for question in said) / len(said)
    if answers.count(most) == len(said) and sure >= confidence:
        return ""
    return f"{principle}: {most} by {answers.count(most)} of {len(said)}, {sure:.0%} sure."
