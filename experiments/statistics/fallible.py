"""The rate behind what fallible auditors say (Rogan and Gladen 1978), with the uncertainty of everything in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from constitutions.errors import InputError
from experiments.results import Estimate
from experiments.statistics.bootstrap import generator
from experiments.statistics.shares import LEVEL
from experiments.statistics.survey import Effective, Sampled, korn_graubard

Floats = NDArray[np.float64]
DRAWS = 100_000


@dataclass(frozen=True)
class Gold:
    """How an auditor did on gold cases: of `cases` whose answer is known, `right` were answered so."""

    right: int
    cases: int

    @property
    def share(self) -> float:
        """The share answered rightly."""
        return self.right / self.cases


def check_gold(name: str, gold: Gold) -> None:
    """Raise InputError for counts that cannot be."""
    if not (gold.cases >= 1 and 0 <= gold.right <= gold.cases):
        raise InputError(
            f"{name} is {gold.right}/{gold.cases}; accepted: RIGHT/CASES with 0 <= RIGHT <= CASES, at least one case"
        )


def rogan_gladen(flagged: float, sensitivity: float, specificity: float) -> float:
    """(q + specificity - 1) / (sensitivity + specificity - 1), cut to [0, 1], q the share that auditors flag.

    Raises InputError where sensitivity + specificity <= 1: such answers say nothing.
    """
    youden = sensitivity + specificity - 1
    if youden <= 0:
        raise InputError(
            f"sensitivity {sensitivity:g} and specificity {specificity:g} sum to {sensitivity + specificity:g}; "
            "accepted: more than 1, below which an auditor's answers say nothing"
        )
    return min(1.0, max(0.0, (flagged + specificity - 1) / youden))


def corrected(sampled: Sampled, sensitivity: Gold, specificity: Gold, draws: int = DRAWS, seed: int = 0) -> Estimate:
    """The rate of violations where `violates_N` is what auditors said, corrected by their results on gold cases.

    The interval melds confidence distributions (Fay, Proschan and Brittain 2015; for surveys with imperfect tests
    Bayer, Fay and Graubard 2023): its lower end is the 2.5 % quantile of Rogan and Gladen's formula over Beta(x, n - x
    + 1) for the share flagged, Beta(s + 1, m - s) for sensitivity and Beta(t, l - t + 1) for specificity, its upper end
    the 97.5 % quantile over the other ends of each. The cases that are not certain have the effective size of
    `korn_graubard`, at most the number audited (auditors err anew on every case, however large a part of the cases was
    seen); the certain ones are as many trials. Where a draw has sensitivity + specificity <= 1 it bounds nothing.
    """
    check_gold("sensitivity", sensitivity)
    check_gold("specificity", specificity)
    certain = sampled.certain_N
    share = float(certain.mean())
    taken = Effective(float((sampled.violates_N & certain).sum()), float(certain.sum()))
    found = korn_graubard(sampled)
    by_chance = float((sampled.drawn_N & ~certain).sum())
    if found.n > by_chance:
        found = Effective(found.count * by_chance / found.n, by_chance)
    flagged = (taken.count / taken.n * share if taken.n else 0.0) + (
        found.count / found.n * (1 - share) if found.n else 0.0
    )
    value = rogan_gladen(flagged, sensitivity.share, specificity.share)
    ends = []
    for high in (False, True):
        draw = generator(seed, "gold", str(high))
        q = share * _drawn(draw, taken, high, draws) + (1 - share) * _drawn(draw, found, high, draws)
        right = _drawn(draw, Effective(sensitivity.right, sensitivity.cases), not high, draws)
        passed = _drawn(draw, Effective(specificity.right, specificity.cases), high, draws)
        youden = right + passed - 1
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(youden > 0, (q + passed - 1) / youden, float(high))
        ends.append(float(np.quantile(np.clip(rate, 0.0, 1.0), (1 + LEVEL) / 2 if high else (1 - LEVEL) / 2)))
    if not found.n and share < 1:
        return Estimate(value=None, low=ends[0], high=ends[1])
    return Estimate(value=value, low=min(ends[0], value), high=max(ends[1], value))


def _drawn(draw: np.random.Generator, share: Effective, high: bool, draws: int) -> Floats:
    """Draws of a share's upper or lower confidence distribution, whose 97.5 or 2.5 % quantile is Clopper-Pearson's."""
    x, rest = (share.count + 1, share.n - share.count) if high else (share.count, share.n - share.count + 1)
    if x <= 0 or rest <= 0:
        return np.full(draws, float(high))
    return draw.beta(x, rest, draws)
