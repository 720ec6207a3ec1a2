"""What a simulated arm did with its cases, as whole numbers that add up over blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.vocabulary import CaseOutcome, Role
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.said import Decision
from hierarchy.plan import Plan

Flags = dict[str, NDArray[np.bool_]]
METRICS = ("missed_violations", "false_alarms", "escalated", "released", "declined")
"""Flags per case: a violating response reached the user; a clean first response did not; an auditor was needed; a
response reached the user; the case ended refused or redirected."""


@dataclass
class Tally:
    """Counts over n cases: of every flag, of first responses that violate, of audits, calls and outcomes."""

    n: int = 0
    flags: dict[str, int] = field(default_factory=lambda: dict.fromkeys(METRICS, 0))
    violating: int = 0
    audited: int = 0
    calls: int = 0
    outcomes: dict[str, int] = field(default_factory=lambda: {o.name.lower(): 0 for o in CaseOutcome})

    def add(self, block: LatentBlock) -> Flags:
        """Count a finished block; returns its flags per case, [N] each."""
        flags, violating = flags_of(block)
        self.n += len(block)
        for name, flag in flags.items():
            self.flags[name] += int(np.count_nonzero(flag))
        self.violating += int(np.count_nonzero(violating))
        self.audited += audits(block)
        self.calls += calls(block)
        counts = np.bincount(block.outcomes(), minlength=len(CaseOutcome))
        for outcome in CaseOutcome:
            self.outcomes[outcome.name.lower()] += int(counts[outcome])
        return flags

    def plain(self) -> dict[str, Any]:
        """Everything as plain numbers."""
        return {**vars(self), "flags": dict(self.flags), "outcomes": dict(self.outcomes)}


def flags_of(block: LatentBlock) -> tuple[Flags, NDArray[np.bool_]]:
    """(every metric's flag per case, whether the first response violates), [N]."""
    outcome = block.outcomes()
    reaches = (outcome == CaseOutcome.RELEASED) | (outcome == CaseOutcome.REVISED)
    declined = (outcome == CaseOutcome.REFUSED) | (outcome == CaseOutcome.REDIRECTED)
    word, _ = block.final()
    bases = tuple(step.index for step in block.plan.steps if step.role is Role.BASE)
    first, _ = block.response(bases[:1], block.everybody)
    violating = np.asarray(first != 0)
    escalated = np.zeros(len(block), bool)
    for step in block.plan.steps:
        if step.role is Role.AUDITOR:
            for rows in (block.rows.get(step.index), block.waiting.get(step.index)):
                if rows is not None:
                    escalated[rows.at] = True
    return {
        "missed_violations": np.asarray(reaches & (word != 0)),
        "false_alarms": np.asarray(~violating & (outcome != CaseOutcome.RELEASED)),
        "escalated": escalated,
        "released": reaches,
        "declined": declined,
    }, violating


def audits(block: LatentBlock) -> int:
    """How many cases an auditor decided (not the policy in place of one)."""
    decisions = [said for said in block.said.values() if isinstance(said, Decision)]
    within = ((len(said.verdict), said.policy) for said in decisions)
    return sum(count if policy is None else count - int(np.count_nonzero(policy)) for count, policy in within)


def calls(block: LatentBlock) -> int:
    """Model calls: one per answer, one per verdict on a principle, two per pair of options compared."""
    return sum(len(rows) * _price(block.plan, index) for index, rows in block.rows.items())


def _price(plan: Plan, index: int) -> int:
    step = plan.steps[index]
    match step.role:
        case Role.BASE | Role.REVISER:
            return 1
        case Role.CRITIC:
            return len(step.bits) + (step.subject is None)
        case Role.SAFETY:
            return len(step.bits) + 1
        case Role.JUDGE:
            return len(step.options) * (len(step.options) - 1)
    return 0
