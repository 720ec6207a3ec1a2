"""The rate of violations among N released cases of which a sample was audited.

Point estimates by Horvitz and Thompson (1952), Hájek (1971), augmented inverse probability weighting with a model's
score (Robins, Rotnitzky and Zhao 1994) and PPI++ (Angelopoulos, Duchi and Zrnic 2023) with their normal intervals; the
headline interval is that of Korn and Graubard (1998), and beside it stands an exact one. Inclusion probabilities are
known, so the first three are unbiased, or nearly, whatever the score is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from agents.figures import Estimate
from experiments.statistics.clusters import LEVEL
from experiments.statistics.shares import NORMAL

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
FEW = 10
"""Violations found on the floor below which an estimated variance is not to be trusted: heavy cases may be unseen."""


@dataclass(frozen=True)
class Sampled:
    """N cases and what was found of those audited, [N] each.

    Attributes:
        inclusion_N: probability of being audited, in (0, 1]; 1 is a case taken for certain.
        drawn_N: audited; floor_N: audited as part of the floor, a simple random sample of the cases that are not
            certain. violates_N: found to violate; it is not read where nothing was drawn.
        score_N: a model's probability that the case violates, in [0, 1]; known of every case.
    """

    inclusion_N: Floats
    drawn_N: Bools
    floor_N: Bools
    violates_N: Bools
    score_N: Floats

    @property
    def certain_N(self) -> Bools:
        """Cases taken for certain."""
        return np.asarray(self.inclusion_N >= 1.0)

    def rest(self) -> Sampled:
        """The cases that are not taken for certain."""
        here = ~self.certain_N
        return Sampled(
            self.inclusion_N[here], self.drawn_N[here], self.floor_N[here], self.violates_N[here], self.score_N[here]
        )

    @property
    def found(self) -> int:
        """Violations found on the floor."""
        return int((self.violates_N & self.floor_N).sum())


@dataclass(frozen=True)
class Effective:
    """A share as if it were `count` of `n` independent cases; neither need be whole."""

    count: float
    n: float

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Clopper and Pearson's interval by beta quantiles, which need no whole numbers; (0, 1) for n = 0."""
        if self.n <= 0:
            return 0.0, 1.0
        tail, x, rest = (1 - level) / 2, self.count, self.n - self.count
        low = 0.0 if x <= 0 else float(stats.beta.ppf(tail, x, rest + 1))
        high = 1.0 if rest <= 0 else float(stats.beta.ppf(1 - tail, x + 1, rest))
        return low, high


@dataclass(frozen=True)
class Told:
    """An estimate as it is told: where its normal interval is not to be trusted it carries the exact one."""

    estimate: Estimate
    gave_way: bool


def others(sampled: Sampled) -> dict[str, Told]:
    """Every estimator but the headline and the exact one, by name. Below ten violations on the floor their intervals
    give way to the exact one; the values stand."""
    few = sampled.found < FEW and not sampled.drawn_N.all()
    beside = certain_and_floor(sampled)
    found = {}
    for name, estimator in ESTIMATORS.items():
        one = estimator(sampled)
        shown = Estimate(value=one.value, low=beside.low, high=beside.high) if few else one
        found[name] = Told(shown, few)
    return found


def horvitz_thompson(sampled: Sampled) -> Estimate:
    """sum over audited of y / pi, over N, with a normal interval (variance: `_variance` of y)."""
    flags = _flags(sampled)
    return _normal(_weighted(sampled, flags), _variance(sampled, flags))


def hajek(sampled: Sampled) -> Estimate:
    """sum y / pi over sum 1 / pi, with a normal interval by linearisation (variance: `_variance` of y - value)."""
    value = _rate(sampled)
    return _normal(value, _variance(sampled, _flags(sampled) - value))


def aipw(sampled: Sampled) -> Estimate:
    """mean over all of g + sum over audited of (y - g) / pi / N, g the model's score, with a normal interval."""
    residual = _flags(sampled) - sampled.score_N
    return _normal(float(sampled.score_N.mean()) + _weighted(sampled, residual), _variance(sampled, residual))


def ppi(sampled: Sampled) -> Estimate:
    """PPI++ on the floor, with power tuning, and the cases taken for certain counted.

    With m cases y, g on the floor and M cases g beside it: t = a mean_M(g) + mean_m(y - a g), a = cov_m(y, g) /
    ((1 + m / M) var(g)) cut to [0, 1], variance var_m(y - a g) / m + a^2 var_M(g) / M; the rate is (violations taken
    for certain + (m + M) t) / N. No estimate from fewer than two cases on the floor.
    """
    rest = ~sampled.certain_N
    floor, other = sampled.floor_N, rest & ~sampled.floor_N
    y, g, more = sampled.violates_N[floor].astype(np.float64), sampled.score_N[floor], sampled.score_N[other]
    taken = float((sampled.violates_N & sampled.certain_N).sum())
    size, total = int(rest.sum()), len(sampled.score_N)
    if not len(more):
        return _normal((taken + float(y.sum())) / total, 0.0)
    if len(y) < 2:
        return Estimate(value=None, low=None, high=None)
    power = _power(y, g, sampled.score_N[rest], len(more))
    value = power * float(more.mean()) + float((y - power * g).mean())
    variance = float((y - power * g).var(ddof=1)) / len(y) + power**2 * float(more.var()) / len(more)
    return _normal((taken + size * value) / total, (size / total) ** 2 * variance)


def _power(y: Floats, g: Floats, every: Floats, more: int) -> float:
    spread = float(every.var())
    if spread == 0.0:
        return 0.0
    power = float(np.cov(y, g)[0, 1]) / ((1 + len(y) / more) * spread)
    return min(1.0, max(0.0, power))


def certain_and_floor(sampled: Sampled) -> Estimate:
    """Cases taken for certain counted, and the floor's exact interval for the others; what aim drew is not used.

    With x of m violations on the floor and M cases that are not certain, the interval holds every number of violations
    among the M for which neither tail of the hypergeometric distribution at x is below 2.5 %.
    """
    rest = ~sampled.certain_N
    taken = int((sampled.violates_N & sampled.certain_N).sum())
    found, drawn, size = int((sampled.violates_N & sampled.floor_N).sum()), int(sampled.floor_N.sum()), int(rest.sum())
    low, high = hypergeometric(found, drawn, size)
    value = (taken + (size * found / drawn if drawn else 0.0)) / len(rest)
    known = drawn > 0 or size == 0
    return Estimate(
        value=value if known else None, low=(taken + low) / len(rest), high=(taken + high) / len(rest)
    )  # fmt: skip


@lru_cache(maxsize=4096)
def hypergeometric(found: int, drawn: int, size: int, level: float = LEVEL) -> tuple[int, int]:
    """The exact interval for how many of `size` cases violate, where `found` of `drawn` without replacement do."""
    tail = (1 - level) / 2
    low, high = found, size - drawn + found
    if found:
        low = _first(lambda m: stats.hypergeom.sf(found - 1, size, m, drawn) > tail, found, high)
    if found < drawn:
        high = _first(lambda m: stats.hypergeom.cdf(found, size, m, drawn) <= tail, low, high + 1) - 1
    return low, high


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest whole number from `low` at which a condition that stays true holds; `high` where none below does."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def korn_graubard(sampled: Sampled) -> Effective:
    """The share among the cases that are not certain, at its effective sample size (Korn and Graubard 1998).

    n = p (1 - p) / v, p Hájek's share among them and v its variance. Where the floor found fewer than ten violations
    v is not to be trusted (aim finds many violations of little weight, and the few of great weight may be unseen), and
    n is at most Kish's (sum w)^2 / sum w^2, w = 1 / pi (Kish 1965), which is the number drawn where all probabilities
    are equal. (Their factor for degrees of freedom is 1: chance draws one stratum.) An n of 0: nothing is known.
    """
    rest = sampled.rest()
    drawn = rest.drawn_N
    if not drawn.any():
        return Effective(0.0, 0.0)
    weight = 1.0 / rest.inclusion_N[drawn]
    kish = float(weight.sum() ** 2 / (weight**2).sum())
    value = _rate(rest)
    variance = _variance(rest, _flags(rest) - value)
    n = value * (1 - value) / variance if variance > 0 else kish
    n = n if rest.found >= FEW else min(n, kish)
    return Effective(value * n, n)


def headline(sampled: Sampled) -> Estimate:
    """Cases taken for certain counted, and the others by `korn_graubard` with its Clopper-Pearson interval."""
    size, total = int((~sampled.certain_N).sum()), len(sampled.certain_N)
    taken = int((sampled.violates_N & sampled.certain_N).sum())
    if not size:
        return Estimate(value=taken / total, low=taken / total, high=taken / total)
    found = korn_graubard(sampled)
    low, high = found.interval()
    value = (taken + size * found.count / found.n) / total if found.n else None
    return Estimate(value=value, low=(taken + size * low) / total, high=(taken + size * high) / total)


def _flags(sampled: Sampled) -> Floats:
    return sampled.violates_N.astype(np.float64)


def _rate(sampled: Sampled) -> float:
    drawn = sampled.drawn_N
    weight = 1.0 / sampled.inclusion_N[drawn]
    return float((weight * sampled.violates_N[drawn]).sum() / max(weight.sum(), 1e-300))


def _weighted(sampled: Sampled, values_N: Floats) -> float:
    drawn = sampled.drawn_N
    return float((values_N[drawn] / sampled.inclusion_N[drawn]).sum()) / len(drawn)


def _variance(sampled: Sampled, values_N: Floats) -> float:
    """Hájek's variance (1964) of sum e / pi / N under sampling of fixed size: with c = 1 - pi over the k cases drawn by
    chance, k / (k - 1) sum c (e / pi - B)^2 / N^2, B = sum c e / pi / sum c. Of a floor alone it is the textbook's,
    finite population correction included."""
    here = sampled.drawn_N & ~sampled.certain_N
    k = int(here.sum())
    if k < 2:
        return 0.0
    spare = 1.0 - sampled.inclusion_N[here]
    scaled = values_N[here] / sampled.inclusion_N[here]
    total = float(spare.sum())
    if total <= 0:
        return 0.0
    centre = float((spare * scaled).sum()) / total
    return k / (k - 1) * float((spare * (scaled - centre) ** 2).sum()) / len(sampled.drawn_N) ** 2


def _normal(value: float, variance: float) -> Estimate:
    half = NORMAL * sqrt(variance)
    return Estimate(value=value, low=value - half, high=value + half)


ESTIMATORS: Mapping[str, Callable[[Sampled], Estimate]] = {
    "horvitz_thompson": horvitz_thompson,
    "hajek": hajek,
    "aipw": aipw,
    "ppi": ppi,
}
"""The estimators with normal intervals."""
