"""What goes into the graph: messages and cases (the nouns of everything else, frozen, no behaviour)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import NamedTuple


class Message(NamedTuple):
    """One turn: `role` is `system`, `user`, `assistant`, `tool` or a marker a prompt style adds; `content` is text."""

    role: str
    content: str


def turns(role: str, contents: Iterable[str]) -> list[Message]:
    """A turn of this role for each content. A block asks for tens of thousands, so no Python runs for each."""
    return list(map(partial(tuple.__new__, Message), zip(repeat(role), contents, strict=False)))


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt (a conversation) on its way through the graph.

    It carries no ground truth: an oracle is asked about a case, a model never is.
    """

    case_id: str
    messages: tuple[Message, ...]
    tags: tuple[str, ...] = ()
    region: str = ""
    role: str = ""


class Written(NamedTuple):
    """One visible response to a case: its author step instance, candidate, revision number and text.

    `own`: whether it was the case's own response at some time, and not only a candidate that nothing came of.
    """

    step: str
    candidate: int
    revision: int
    text: str
    own: bool = True


class Comparison(NamedTuple):
    """What a judge made of several responses to a case, those that were there and had a score.

    `probability`: that each of `texts` is the best one, as the judge scored it; `chosen`: which one it preferred.
    """

    step: str
    texts: tuple[str, ...]
    probability: tuple[float, ...]
    chosen: int

    def over(self, better: str, worse: str) -> float | None:
        """The judge's probability that `better` is the better of two texts, their scores normalised over the two.

        None where it did not compare them, or gave neither of them any.
        """
        if better not in self.texts or worse not in self.texts:
            return None
        first, second = (self.probability[self.texts.index(text)] for text in (better, worse))
        return first / (first + second) if first + second > 0 else None


class Question(NamedTuple):
    """One question that an overseer was asked about a case, what it answered, and what the others made of that.

    Hidden layer: the answer is a critique or a verdict, and the question may show other overseers' words.

    Attributes:
        use: what was asked (`agents.model.Use`).
        messages: the question as the overseer's model read it, in the words of its prompt style.
        answer: the critique, or the label it answered with.
        settled: the label by the last word on the same response on this case's path: of a stronger critic, a
            consensus or an auditor, or the overseer's own where nobody spoke after it. For a critique, `answer` where
            that word found the same, else None. None, too, where the last word says nothing of the principle.
        opens_turn: whether the question ends in the tokenizer's own assistant marker.
    """

    arm: str
    case_id: str
    step: str
    role: str
    use: str
    messages: tuple[Message, ...]
    answer: str
    settled: str | None
    opens_turn: bool


class Settlement(NamedTuple):
    """How one case of one arm ended, with the lineage that training rows carry.

    Attributes:
        outcome: name of the case outcome (`released`, `revised`, `redirected`, `refused`, `pending`).
        final: the text the user would get; None while pending.
        responses: every response to the case, oldest first; the last one is what was released, if any was.
        steps: step instances that ran on this case, in order.
        verdicts: verdict name per step instance that gave one.
        principles: ids of principles some reviewer on the path flagged (risk information: lineage only).
        agreement: share of present members in the majority of the last consensus on the path; 1.0 without one.
        comparisons: what judges who compared responses made of them, in order.
        missing: whether some verdict on the path could not be read.
        audited: whether a human auditor decided; `unreviewed`: whether a policy answered in place of one.
        decision: the verdict name of the auditor's decision; empty where none decided.
        epoch: how many appeals were decided before the decision that stands; `appealed`: whether another one waits.
    """

    arm: str
    case_id: str
    messages: tuple[Message, ...]
    outcome: str
    final: str | None
    responses: tuple[Written, ...]
    steps: tuple[str, ...]
    verdicts: tuple[tuple[str, str], ...]
    principles: tuple[str, ...]
    agreement: float
    missing: bool
    audited: bool
    unreviewed: bool
    comparisons: tuple[Comparison, ...] = ()
    decision: str = ""
    epoch: int = 0
    appealed: bool = False
