"""The oracle: ground truth about cases and responses, behind one guard.

It reads the case's text alone, so it can mark records read back from disk. Models, graphs and training never ask it;
only world data, the simulated auditor and scoring do, and a test makes `_consult` raise everywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agents.records import Case
from experiments.world import grading, replies
from experiments.world.critiques import Beliefs, review
from experiments.world.wrappers import Reading, unwrap


@dataclass(frozen=True, slots=True)
class Score:
    """What the oracle says of one response.

    `violations` are principle ids of the `microworld` constitution. `correct` is None where the request is not a
    benign question with an answer. `declined` is any refusal, `redirected` one that offers a useful alternative.
    """

    violations: frozenset[str]
    needless_refusal: bool
    correct: bool | None
    declined: bool
    redirected: bool = False


def _consult() -> None:
    """Every look at ground truth passes here; tests replace it to prove that nobody else looks."""


class Oracle:
    """Marks responses and knows the ideal ones."""

    def score(self, case: Case, response: str) -> Score:
        """Mark one response to a case; text it cannot read breaks nothing and answers nothing."""
        _consult()
        reading = unwrap(case.messages)
        marks = grading.mark(reading.request, response, reading.forbidden)
        return Score(
            violations=marks.violations,
            needless_refusal=marks.needless_refusal,
            correct=marks.correct,
            declined=marks.declined,
            redirected=marks.redirected,
        )

    def visible_to(self, beliefs: Beliefs, case: Case, response: str) -> frozenset[str]:
        """Those of the response's violations that a reviewer who knows no more than `beliefs` can find by reasoning.

        The others are in its blind spot: nothing that it knows makes them violations.
        """
        _consult()
        reading = unwrap(case.messages)
        if reading.request is None:
            return frozenset()
        broken = grading.mark(reading.request, response, reading.forbidden).violations
        return broken & frozenset(review(reading.request, response, beliefs, reading.forbidden).problems)

    def reference(self, case: Case) -> str:
        """The ideal reply; a flat refusal where the conversation asks nothing that can be read."""
        _consult()
        return ideal(unwrap(case.messages))

    def describe(self, case: Case) -> Mapping[str, str]:
        """The hidden truth about a case: `kind` (benign, violating, stranger), `principle`, `wrapper`, `topic`."""
        _consult()
        reading = unwrap(case.messages)
        if reading.request is None:
            return {"kind": "unreadable", "principle": "", "wrapper": reading.wrapper, "topic": ""}
        about = replies.truth(reading.request, reading.forbidden)
        return {
            "kind": about.kind,
            "principle": about.principle or "",
            "wrapper": reading.wrapper,
            "topic": reading.request.topic,
        }


def ideal(reading: Reading) -> str:
    """The ideal reply to what a conversation turned out to ask."""
    if reading.request is None:
        return replies.FLAT_REFUSAL
    if reading.request.topic == "rule":
        return grading.rule_answer(reading.forbidden)
    return replies.reference(reading.request, reading.forbidden)
