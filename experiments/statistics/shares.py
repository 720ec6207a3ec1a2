"""Intervals for a share of cases."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import ndtri

from agents.figures import Proportion
from experiments.statistics.clusters import LEVEL, effective_size

NORMAL = float(stats.norm.ppf((1 + LEVEL) / 2))


def wilson(count: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval for a share (Wilson 1927); (0, 1) for n = 0.

    Its coverage is near the nominal level on average, also near 0 and 1 (Brown, Cai and DasGupta 2001).
    """
    _check_counts(count, n)
    if n == 0:
        return 0.0, 1.0
    z, share = float(ndtri(0.5 + 0.5 * level)), count / n
    whole = 2 * (n + z**2)
    centre, reach = (2 * n * share + z**2) / whole, z / whole * math.sqrt(4 * n * share * (1 - share) + z**2)
    # Exact at the ends: rounding would otherwise put 1e-17 where the interval touches 0 or 1.
    return (0.0 if count == 0 else centre - reach), (1.0 if count == n else centre + reach)


def clopper_pearson(count: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """The exact interval for a share (Clopper and Pearson 1934), never below nominal coverage; (0, 1) for n = 0."""
    _check_counts(count, n)
    if n == 0:
        return 0.0, 1.0
    interval = stats.binomtest(count, n).proportion_ci(level, method="exact")
    return float(interval.low), float(interval.high)


def proportion(hits_N: ArrayLike | int, n: int | None = None, clusters: ArrayLike | None = None) -> Proportion:
    """The share of true entries of a flag column, or `count` of `n`, with Wilson's interval.

    With `clusters`, a name per entry, the interval is Wilson's at the effective sample size (`effective_size`).
    """
    if n is not None:
        count = int(np.asarray(hits_N))
        low, high = wilson(count, n)
        return Proportion(count=count, n=n, low=low, high=high)
    flags = np.asarray(hits_N, dtype=bool)
    count, n = int(flags.sum()), flags.size
    size = n if clusters is None or not n else effective_size(flags, clusters)
    low, high = wilson(count * size / n if n else 0, size)
    return Proportion(count=count, n=n, low=low, high=high)


def unseen_share(n: int, level: float = LEVEL) -> float:
    """The largest share of cases of another kind that n cases all of one kind leave possible: 1 - (1 - level)^(1/n),
    about 3/n (the rule of three, Hanley and Lippman-Hand 1983)."""
    return float(1 - (1 - level) ** (1 / n))


def _check_counts(count: float, n: float) -> None:
    if not 0 <= count <= n:
        raise ValueError(f"a share needs 0 <= count <= n; got count {count} and n {n}")
