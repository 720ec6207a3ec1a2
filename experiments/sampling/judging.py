"""How well those who answered a sample judge: by their gold cases where there are enough, else taken at their word."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from experiments.statistics.fallible import Gold
from hierarchy.audit.queue import AuditQueue

FEWEST = 20
"""Gold cases that violate, and as many that do not, from which on auditors are judged by them: of 20, all right, the
exact interval still begins at 83 %."""


@dataclass(frozen=True)
class Judging:
    """What is known of the auditors of a sample, pooled.

    Attributes:
        source: `gold` (their gold cases), `given` (by whoever asks) or `assumed` (perfect: nothing else is known).
        sensitivity: violating gold cases that they flagged; specificity: the others, passed. None where assumed.
        violating, fine: gold cases they answered, of each kind.
    """

    source: Literal["gold", "given", "assumed"]
    sensitivity: Gold | None = None
    specificity: Gold | None = None
    violating: int = 0
    fine: int = 0

    @property
    def tells(self) -> bool:
        """Whether an estimate can be corrected by it: sensitivity and specificity are known and sum to more than 1."""
        known = self.sensitivity is not None and self.specificity is not None
        return known and self.sensitivity.share + self.specificity.share > 1  # type: ignore[union-attr]

    def words(self) -> str:
        """A sentence on it."""
        if self.sensitivity is None or self.specificity is None:
            return (
                f"The auditors are assumed perfect: they answered {self.violating} gold cases that violate and "
                f"{self.fine} that do not, and from {FEWEST} of each on gold cases tell how well they judge."
            )
        told = (
            f"The auditors flagged {self.sensitivity.right} of {self.sensitivity.cases} gold cases that violate and "
            f"passed {self.specificity.right} of {self.specificity.cases} others"
        )
        end = "" if self.tells else "; such answers say nothing (the two shares sum to 1 or less)"
        return f"{told}{end}{', as given' if self.source == 'given' else ''}."


def by_gold(queue: AuditQueue, auditors: Collection[str]) -> Judging:
    """What the run's gold cases say of these auditors. Every answer counts once; undone ones do not."""
    answers = [answer for answer in queue.gold.answers() if answer.auditor in auditors]
    flagged = [answer.flagged for answer in answers if answer.violates]
    passed = [not answer.flagged for answer in answers if not answer.violates]
    if min(len(flagged), len(passed)) < FEWEST:
        return Judging("assumed", violating=len(flagged), fine=len(passed))
    right = Gold(sum(flagged), len(flagged)), Gold(sum(passed), len(passed))
    return Judging("gold", *right, violating=len(flagged), fine=len(passed))
