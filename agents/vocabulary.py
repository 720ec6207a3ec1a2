"""The closed sets of words that records use: roles, verdicts and case outcomes."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Role(StrEnum):
    """What a step of the graph does. `CONSENSUS` is a step without a model."""

    BASE = "base"
    REVISER = "reviser"
    CRITIC = "critic"
    SAFETY = "safety"
    JUDGE = "judge"
    CONSENSUS = "consensus"
    AUDITOR = "auditor"


RESPONDERS = frozenset({Role.BASE, Role.REVISER})
REVIEWERS = frozenset({Role.CRITIC, Role.SAFETY})


class Side(StrEnum):
    """What a debater is assigned to argue, whatever it would find itself: that the response violates the principles, or
    that it violates none."""

    PROSECUTION = "prosecution"
    DEFENCE = "defence"


class Verdict(IntEnum):
    """What a step concludes about a case, as stored in int8 columns. A blank column fails closed."""

    MISSING = 0
    ACCEPT = 1
    REVISE = 2
    REJECT = 3
    ESCALATE = 4


class CaseOutcome(IntEnum):
    """How a case ended, as stored in int8 columns. `PENDING` is 0: a case that reached no outcome waits for a human."""

    PENDING = 0
    RELEASED = 1
    REVISED = 2
    REDIRECTED = 3
    REFUSED = 4


VERDICT_NAMES = {verdict.name.lower(): int(verdict) for verdict in Verdict}
OUTCOME_NAMES = {outcome.name.lower(): int(outcome) for outcome in CaseOutcome}
