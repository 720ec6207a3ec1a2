"""The rate behind what fallible auditors say (Rogan and Gladen 1978), with the uncertainty of everything in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.figures import Estimate
from constitutions.errors import InputError
from experiments.statistics.bootstrap import generator
from experiments.statistics.clusters import LEVEL
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

    `melded` of two parts: the cases taken for certain, as so many trials, and the others at the effective size of
    `korn_graubard`, at most the number audited (auditors err anew on every case, however many of all were seen).
    """
    certain = sampled.certain_N
    share = float(certain.mean())
    taken = Effective(float((sampled.violates_N & certain).sum()), float(certain.sum()))
    found, by_chance = korn_graubard(sampled), float((sampled.drawn_N & ~certain).sum())
    if found.n > by_chance:
        found = Effective(found.count * by_chance / found.n, by_chance)
    return melded([(share, taken), (1 - share, found)], sensitivity, specificity, draws, seed)


def melded(
    parts: Sequence[tuple[float, Effective]], sensitivity: Gold, specificity: Gold, draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """Rogan and Gladen's rate of a population of parts (weight, share flagged), with an interval that has room for what
    is not known of the auditors.

    It melds confidence distributions (Fay, Proschan and Brittain 2015; for surveys with imperfect tests Bayer, Fay and
    Graubard 2023): the lower end is the 2.5 % quantile of the formula over Beta(x, n - x + 1) for each share flagged,
    Beta(s + 1, m - s) for sensitivity and Beta(t, l - t + 1) for specificity, the upper end the 97.5 % quantile over
    the other ends of each. A draw with sensitivity + specificity <= 1 bounds nothing. Parts of weight 0 are left out;
    no value where a part was not seen. Raises InputError for impossible counts and answers that say nothing.
    """
    check_gold("sensitivity", sensitivity)
    check_gold("specificity", specificity)
    parts = [(weight, part) for weight, part in parts if weight > 0]
    low, high = (_end(parts, sensitivity, specificity, up, draws, seed) for up in (False, True))
    flagged = sum(weight * part.count / part.n for weight, part in parts if part.n)
    value = rogan_gladen(flagged, sensitivity.share, specificity.share)
    if not all(part.n for _, part in parts):
        return Estimate(value=None, low=low, high=high)
    return Estimate(value=value, low=min(low, value), high=max(high, value))


def _end(
    parts: Sequence[tuple[float, Effective]], sensitivity: Gold, specificity: Gold, up: bool, draws: int, seed: int
) -> float:
    rng = generator(seed, "gold", str(up))
    flagged = sum(weight * _drawn(rng, part, up, draws) for weight, part in parts)
    right = _drawn(rng, Effective(sensitivity.right, sensitivity.cases), not up, draws)
    passed = _drawn(rng, Effective(specificity.right, specificity.cases), up, draws)
    youden = right + passed - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(youden > 0, (flagged + passed - 1) / youden, float(up))
    return float(np.quantile(np.clip(rate, 0.0, 1.0), (1 + LEVEL) / 2 if up else (1 - LEVEL) / 2))


def _drawn(rng: np.random.Generator, share: Effective, up: bool, draws: int) -> Floats:
    """Draws of a share's upper or lower confidence distribution, whose 97.5 or 2.5 % quantile is Clopper-Pearson's."""
    x, rest = (share.count + 1, share.n - share.count) if up else (share.count, share.n - share.count + 1)
    if x <= 0 or rest <= 0:
        return np.full(draws, float(up))
    return rng.beta(x, rest, draws)
