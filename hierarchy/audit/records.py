"""The nouns of the audit queue: what waits, who holds it, what was decided, what goes back to the run. Frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agents.vocabulary import Verdict
from constitutions.errors import InputError

POLICY = "policy"
"""The auditor name under which the graph's policy answers a case that nobody reviewed."""

_ANSWERS = {verdict.name.lower(): verdict for verdict in (Verdict.ACCEPT, Verdict.REVISE, Verdict.REJECT)}


class State(StrEnum):
    """Whether a case still waits. A lease is not a state: it ends by the clock, without anybody writing."""

    OPEN = "open"
    SETTLED = "settled"


@dataclass(frozen=True)
class Item:
    """One case of one arm, parked at a human step.

    Attributes:
        step: name of the step instance; `round`: how often the loops around it have been taken.
        epoch: 0, and one more for every appeal.
        input_hash: uint64 hash of what the step may read, the journal's key for the answer.
        priority: higher is reviewed sooner.
        enqueued_at, due_at: seconds on the caller's clock; at `due_at` the policy answers (`math.inf`: never).
        payload: what the auditor sees, as JSON: the messages, the response under review, visible context.
        hidden: the hidden layer (critiques, flags, scores), as JSON; None unless it was asked for.
        state: `enqueue` ignores it, a new item is open.
    """

    arm: str
    case_id: str
    step: str
    input_hash: int
    payload: Mapping[str, Any]
    priority: float = 0.0
    enqueued_at: float = 0.0
    due_at: float = float("inf")
    epoch: int = 0
    round: int = 0
    hidden: Mapping[str, Any] | None = None
    state: State = State.OPEN

    @property
    def key(self) -> ItemKey:
        """What tells this item from every other one of the run."""
        return ItemKey(self.arm, self.case_id, self.step, self.epoch)


@dataclass(frozen=True, slots=True)
class ItemKey:
    """The identity of an item within a run."""

    arm: str
    case_id: str
    step: str
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """An item held by one auditor until `expires_at`. `fence` grows with every claim of the item."""

    item: Item
    token: str
    auditor: str
    expires_at: float
    fence: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What an auditor answered. Construction raises InputError where the answer makes no sense.

    Attributes:
        verdict: accept, revise or reject.
        auditor: who answered.
        text: the auditor's own revision; with `revise` only.
        latent: simulated content of that revision (uint64 violation bits), where the case has no text.
        label: the settled label, in graphs that label.
        minutes: human time spent.
        round: decision round within the item's epoch; a double review or an adjudication takes another one.
    """

    verdict: Verdict
    auditor: str
    text: str | None = None
    latent: int | None = None
    label: str | None = None
    comment: str | None = None
    minutes: float = 0.0
    round: int = 0

    def __post_init__(self) -> None:
        """Refuse an answer that could not be applied."""
        if self.verdict not in _ANSWERS.values():
            raise InputError(f"verdict {self.verdict.name.lower()!r}; accepted: {', '.join(_ANSWERS)}")
        if not self.auditor.strip():
            raise InputError("auditor: empty; expected the name of who decides")
        if self.text is not None and not self.text.strip():
            raise InputError("text: empty; expected the revised response")
        revises = self.verdict is Verdict.REVISE
        if revises and self.text is None and self.latent is None:
            raise InputError("verdict 'revise' needs the revised response as text")
        if not revises and (self.text is not None or self.latent is not None):
            raise InputError(f"verdict {self.verdict.name.lower()!r} takes no text; only 'revise' does")
        for name in ("text", "label", "comment"):
            _check_encodable(name, getattr(self, name))
        if not 0 <= self.minutes < float("inf"):
            raise InputError(f"minutes {self.minutes}: expected a finite number >= 0")

    def says_the_same(self, other: Decision) -> bool:
        """Whether both answer alike, however long they took."""
        return (self.verdict, self.text, self.latent, self.label, self.comment) == (
            other.verdict,
            other.text,
            other.latent,
            other.label,
            other.comment,
        )


def _check_encodable(name: str, value: str | None) -> None:
    try:
        (value or "").encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{name}: character {error.start + 1} is half a surrogate pair; expected UTF-8 text") from None


def verdict_named(name: str) -> Verdict:
    """The verdict an auditor may give by this name (`accept`, `revise`, `reject`); InputError for another."""
    try:
        return _ANSWERS[name.strip().lower()]
    except KeyError:
        raise InputError(f"verdict {name!r}; accepted: {', '.join(_ANSWERS)}") from None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A settled item on its way back to the run: the run's writer applies it once, then calls `mark_applied`."""

    id: int
    arm: str
    case_id: str
    step: str
    epoch: int
    input_hash: int
    decision: Decision

    @property
    def unreviewed(self) -> bool:
        """Whether the policy answered in place of a person."""
        return self.decision.auditor == POLICY


@dataclass(frozen=True, slots=True)
class Counts:
    """One arm's audit load: cases waiting, decided by auditors, answered by the policy."""

    open: int
    decided: int
    unreviewed: int
