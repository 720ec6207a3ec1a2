"""Looking at results while they come in, as often as one likes, without spending the error rate twice.

A sweep looks after every batch, may be resumed with more cases because of what it showed, and has no last look that
is known in advance. Alpha spending (Lan and DeMets 1983) needs a fixed end; confidence sequences need none: with
probability 1 - alpha they hold at all times at once (Ville 1939; Robbins 1970), so any stopping rule is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, inf, log, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import betainc, betaln, xlogy

from agents.figures import Estimate, Proportion
from experiments.results.figures import Difference
from experiments.statistics.clusters import LEVEL, cluster_sums
from experiments.statistics.exact import holm, paired_columns

BURN_IN = 50
"""Clusters below which a confidence sequence says nothing: its variance is estimated."""


def mcnemar_evidence(only_a: int, only_b: int, prior: float = 1.0) -> float:
    """The e-value against equal discordant counts, log B(a + c, b + c) - log B(c, c) + (a + b) log 2, exponentiated.

    The likelihood of the discordant counts under a Beta(c, c) mixture over that under one half (Robbins 1970): a
    martingale of expectation 1 if the arms do not differ, so its largest value over all looks exceeds 1/alpha with
    probability at most alpha, exactly and at any number of cases. 1 / e is a p value that is valid at any time. Cases
    must be independent. Infinite where it exceeds the largest float.
    """
    if only_a < 0 or only_b < 0 or prior <= 0:
        raise ValueError(f"counts must be at least 0 and the prior above 0; got {only_a}, {only_b} and {prior}")
    evidence = float(betaln(only_a + prior, only_b + prior) - betaln(prior, prior)) + (only_a + only_b) * log(2)
    return exp(evidence) if evidence < 700 else inf


def confidence_sequence(
    a_N: ArrayLike, b_N: ArrayLike, clusters: ArrayLike | None = None, level: float = LEVEL, tuned_for: int = 2_000
) -> Difference:
    """mean(a) - mean(b) on the cases so far, with an interval that holds at all looks at once.

    With t clusters of equal weight whose contributions have standard deviation s and alpha = 1 - level: d ± s
    sqrt(2 (t r + 1) / (t^2 r) log(sqrt(t r + 1) / alpha)), Robbins' normal mixture with estimated variance
    (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, asymptotic confidence sequences), r chosen so that it is
    narrowest at `tuned_for` clusters. No interval before `BURN_IN` clusters.
    """
    a, b = paired_columns(a_N, b_N)
    if not a.size:
        return Difference(value=None, low=None, high=None)
    value = float((a - b).mean())
    totals = cluster_sums(np.column_stack([a - b, np.ones_like(a)]), clusters)
    t = len(totals)
    if t < BURN_IN:
        return Difference(value=value, low=None, high=None)
    spread = sqrt(t / (t - 1) * float(((totals[:, 0] - value * totals[:, 1]) ** 2).sum()) / t) * t / a.size
    half = spread * _mixture(t, 1 - level, tuned_for)
    return Difference(value=value, low=value - half, high=value + half)


def _mixture(t: int, alpha: float, tuned_for: int) -> float:
    r = (-2 * log(alpha) + log(-2 * log(alpha)) + 1) / tuned_for
    return sqrt(2 * (t * r + 1) / (t * t * r) * log(sqrt(t * r + 1) / alpha))


@dataclass(frozen=True)
class Look:
    """What a family of contrasts looks like at one look: the ones decided, by name, with their any-time p values."""

    p: dict[str, float]
    decided: tuple[str, ...]

    @property
    def done(self) -> bool:
        """Whether every contrast is decided."""
        return len(self.decided) == len(self.p)


@dataclass
class Watch:
    """Early stopping for a declared family of binary contrasts.

    `look` takes the discordant counts so far and keeps for every contrast the smallest any-time p value seen; Holm's
    correction over the family makes them simultaneous (any-time p values may be combined at any time like others,
    Ramdas, Grünwald, Vovk and Shafer 2023). Over all looks together, a true null of the family is called decided with
    probability at most `alpha`.
    """

    family: tuple[str, ...]
    alpha: float = 1 - LEVEL
    smallest: dict[str, float] = field(default_factory=dict)

    def look(self, counts: dict[str, tuple[int, int]]) -> Look:
        """Look at the counts (only a, only b) so far of every contrast. Raises ValueError for another family."""
        if set(counts) != set(self.family):
            raise ValueError(f"the family is {', '.join(self.family)}; got {', '.join(counts)}")
        for name, (only_a, only_b) in counts.items():
            evidence = mcnemar_evidence(only_a, only_b)
            self.smallest[name] = min(self.smallest.get(name, 1.0), 1.0 / evidence if evidence > 1 else 1.0)
        adjusted = dict(zip(self.family, holm([self.smallest[name] for name in self.family]), strict=True))
        return Look(adjusted, tuple(name for name in self.family if adjusted[name] <= self.alpha))


def worse_evidence(only_a: ArrayLike, only_b: ArrayLike, prior: float = 1.0) -> NDArray[np.float64]:
    """The logarithm of the one-sided e-value against "a holds no oftener than b", elementwise over discordant counts.

    As `mcnemar_evidence`, with the Beta(c, c) mixture kept to shares above one half: log 2 + log B(a + c, b + c)
    - log B(c, c) + (a + b) log 2 + log P(Beta(a + c, b + c) > 1/2). Where a holds as often as b or less, it is a
    supermartingale, exponentiated, so it ever exceeds 1/alpha with probability at most alpha: a verdict "a is worse"
    that is given as soon as it does is wrong at most that often, whenever one looks.
    """
    a, b = np.asarray(only_a, np.float64), np.asarray(only_b, np.float64)
    mixture = betaln(a + prior, b + prior) - betaln(prior, prior) + (a + b) * log(2)
    with np.errstate(divide="ignore"):
        return np.asarray(mixture + log(2) + np.log(betainc(b + prior, a + prior, 0.5)))


def share_sequence(count: int, n: int, level: float = LEVEL, prior: float = 0.5) -> Proportion:
    """A share with an interval that holds at all looks at once: the shares p whose likelihood is not below alpha times
    that of the Beta(c, c) mixture, log B(k + c, n - k + c) - log B(c, c) - k log p - (n - k) log(1 - p) <= log 1/alpha
    (Robbins 1970). Exact at any number of cases."""
    if n == 0:
        return Proportion(count=0, n=0, low=0.0, high=1.0)
    mixed = float(betaln(count + prior, n - count + prior) - betaln(prior, prior)) + log(1 - level)

    def excess(p: float) -> float:
        return float(mixed - xlogy(count, p) - xlogy(n - count, 1 - p))

    tiny, share = 1e-12, count / n
    low = brentq(excess, tiny, share) if count and excess(tiny) > 0 else 0.0
    high = brentq(excess, share, 1 - tiny) if count < n and excess(1 - tiny) > 0 else 1.0
    return Proportion(count=count, n=n, low=low, high=high)


def mean_sequence(total: int, squares: int, n: int, unit: float = 1.0, level: float = LEVEL) -> Estimate:
    """`mean_of_sums` with an interval that holds at all looks at once (see `confidence_sequence`)."""
    if n < BURN_IN:
        return Estimate(value=total / n / unit if n else None, low=None, high=None)
    spread = sqrt(max(0, n * squares - total * total) / (n * (n - 1)))
    half, mean = spread * _mixture(n, 1 - level, 2_000), total / n
    return Estimate(value=mean / unit, low=(mean - half) / unit, high=(mean + half) / unit)
