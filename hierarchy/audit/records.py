"""The nouns of the audit queue: what waits, who holds it, what goes back to the run. Frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hierarchy.audit.decision import Decision

POLICY = "policy"
"""The auditor name under which the graph's policy answers a case that nobody reviewed."""


class State(StrEnum):
    """Whether a case still waits. A lease is not a state: it ends by the clock, without anybody writing.

    A disputed case has all its reviews, and they disagree: it waits for an adjudicator.
    """

    OPEN = "open"
    DISPUTED = "disputed"
    SETTLED = "settled"


GOLD = "gold"
"""The stored state of a gold case. Nobody sees it: to an auditor a gold case is an open one."""


class Kind(StrEnum):
    """What is decided: a case of the run, a change to what the run is supervised by, or whether a critique is right.

    Only decisions on cases go back to the run.
    """

    CASE = "case"
    PROPOSAL = "proposal"
    CRITIQUE = "critique"


@dataclass(frozen=True)
class Item:
    """One case of one arm, parked at a human step (or a proposal, or a critique; see `Kind`).

    Attributes:
        step: name of the step instance; `round`: how often the loops around it have been taken.
        epoch: 0, and one more for every appeal.
        input_hash: uint64 hash of what the step may read, the journal's key for the answer.
        priority: higher is reviewed sooner; then what is due sooner, then what has waited longer.
        enqueued_at, due_at: seconds on the caller's clock; at `due_at` the policy answers (`math.inf`: never).
        payload: what the auditor sees, as JSON: the messages, the response under review, visible context.
        hidden: the hidden layer (critiques, flags, scores), as JSON; None unless it was asked for and may be seen.
        reviewers: how many people decide; where they disagree, an adjudicator who was none of them.
        blind: nobody sees another's decision or comment before all reviewers have decided.
        hide_model: nobody sees what models found before the case is settled (against anchoring).
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
    kind: Kind = Kind.CASE
    reviewers: int = 1
    blind: bool = True
    hide_model: bool = False

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
    """An item held by one auditor until `expires_at`. `fence` grows with every claim of the item.

    `draft`: what this auditor had written before, when an earlier lease of theirs ended; None where there is nothing.
    """

    item: Item
    token: str
    auditor: str
    expires_at: float
    fence: int
    draft: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A settled item on its way back to the run: the run's writer applies it once, then calls `mark_applied`.

    `minutes` is what all who decided the case spent on it.
    """

    id: int
    arm: str
    case_id: str
    step: str
    epoch: int
    input_hash: int
    decision: Decision
    minutes: float

    @property
    def unreviewed(self) -> bool:
        """Whether the policy answered in place of a person."""
        return self.decision.auditor == POLICY


@dataclass(frozen=True, slots=True)
class Counts:
    """One arm's audit load: cases waiting, settled by auditors, answered by the policy."""

    open: int
    decided: int
    unreviewed: int


@dataclass(frozen=True, slots=True)
class Appeal:
    """A case that was reopened: the epoch whose decision stands, and whether a newer one still waits."""

    epoch: int
    waits: bool
