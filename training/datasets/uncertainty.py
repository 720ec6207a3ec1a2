"""Uncertainty notes: how sure the reviewers of a response were, in words, to train models that say so. Hidden layer."""

from __future__ import annotations

from agents.records import Message, Settlement
from training.datasets.doubts import Verdicts
from training.datasets.eligible import weight_of
from training.datasets.overseers import eligible
from training.datasets.rows import ASSISTANT, SftRow, answer
from training.datasets.source import Built, Source
from training.datasets.spec import DatasetSpec
from training.lineage import HIDDEN, trace

QUESTION = "Which principles could this answer break, and how sure is that?"
SURE = "Nothing is in doubt."


def uncertainty(source: Source, spec: DatasetSpec) -> Built:
    """A note for every response that was judged principle by principle: the conversation with the response, `QUESTION`,
    and which verdicts were in doubt, by how many of the reviewers, at which mean confidence; or `SURE`.
    """
    cases, reasons = eligible(source, spec)
    said = Verdicts()
    for review in source.reviews():
        said.hear(review, cases)
    doubts = said.doubts(spec.uncertainty.confidence)
    rows = [
        _row(source.run, cases[arm, case], response, doubts.get(number, SURE), said.last[number], spec)
        for (arm, case, response), number in sorted(said.number.items())
    ]
    return Built([*rows], reasons)


def _row(run: str, case: Settlement, response: str, note: str, step: str, spec: DatasetSpec) -> SftRow:
    weight = weight_of(case, spec.weights)
    prompt = (*case.messages, Message(ASSISTANT, response), Message("user", QUESTION))
    return SftRow(prompt, answer(note), weight, trace(case, run, weight, HIDDEN, step))
