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


@dataclass(frozen=True, slots=True)
class Written:
    """One visible response on a case's own path: its author step instance, candidate, revision number and text."""

    step: str
    candidate: int
    revision: int
    text: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """How one case of one arm ended, with the lineage that training rows carry.

    Attributes:
        outcome: name of the case outcome (`released`, `revised`, `redirected`, `refused`, `pending`).
        final: the text the user would get; None while pending.
        responses: every response on the case's path, oldest first; the last one is what was released, if any was.
        steps: step instances that ran on this case, in order.
        verdicts: verdict name per step instance that gave one.
        principles: ids of principles some reviewer on the path flagged (risk information: lineage only).
        agreement: share of present members in the majority of the last consensus on the path; 1.0 without one.
        preference: the last comparing judge's probability for the response it chose; None where none compared.
        missing: whether some verdict on the path could not be read.
        audited: whether a human auditor decided; `unreviewed`: whether a policy answered in place of one.
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
    preference: float | None
    missing: bool
    audited: bool
    unreviewed: bool
    epoch: int = 0
    appealed: bool = False
