"""The mean of a column with its cluster-robust interval: closed form, for minutes, tokens, cost and scores."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from agents.figures import Estimate
from experiments.statistics.clusters import LEVEL, cluster_sums

Floats = NDArray[np.float64]


def mean_estimate(values_N: ArrayLike, clusters: ArrayLike | None = None, level: float = LEVEL) -> Estimate:
    """The mean of N values with a t interval that is robust to clusters (cases, if none are given).

    With total T_g and size n_g of cluster g and mean m: standard error sqrt(G/(G-1) sum (T_g - m n_g)^2) / N and G - 1
    degrees of freedom (Liang and Zeger 1986, for the mean; Cameron and Miller 2015). Values that do not vary have an
    interval of no width; one cluster has none. Raises ValueError for NaN and infinity.
    """
    values = np.asarray(values_N, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("values hold NaN or infinity; leave out cases that were not measured")
    if not values.size:
        return Estimate(value=None, low=None, high=None)
    mean = float(values.mean())
    totals = cluster_sums(np.column_stack([values, np.ones_like(values)]), clusters)
    groups = len(totals)
    if groups < 2:
        return Estimate(value=mean, low=None, high=None)
    error = sqrt(groups / (groups - 1) * float(((totals[:, 0] - mean * totals[:, 1]) ** 2).sum())) / values.size
    half = float(stats.t.ppf((1 + level) / 2, groups - 1)) * error
    return Estimate(value=mean, low=mean - half, high=mean + half)


def mean_of_sums(total: int, squares: int, n: int, unit: float = 1.0, level: float = LEVEL) -> Estimate:
    """The mean of n whole numbers from their sum and the sum of their squares, in `unit`s, with its t interval.

    The same interval as `mean_estimate` gives for the numbers themselves.
    """
    if n < 2:
        return Estimate(value=total / n / unit if n else None, low=None, high=None)
    spread = max(0, n * squares - total * total)  # n squared times the variance: exact, however large the sums
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * sqrt(spread / (n - 1)) / n
    return Estimate(value=total / n / unit, low=(total / n - half) / unit, high=(total / n + half) / unit)
