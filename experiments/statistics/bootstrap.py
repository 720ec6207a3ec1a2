"""The cluster bootstrap: BCa intervals for functions of sums over clusters, keyed by the seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from agents.figures import Estimate
from agents.rng import key
from experiments.statistics.clusters import LEVEL, cluster_sums

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
RESAMPLES = 10_000
MOST_PATTERNS = 2_000
_CELLS = 4_000_000
_Interval = TypeVar("_Interval", bound=Estimate)


def generator(seed: int, *what: str) -> np.random.Generator:
    """The generator of a bootstrap: a function of the seed and of what it is for."""
    return np.random.Generator(np.random.Philox(key=int(key(seed, "bootstrap", *what)[0])))


def bootstrap_estimate(
    columns_NM: ArrayLike,
    statistic: Statistic,
    seed: int = 0,
    resamples: int = RESAMPLES,
    clusters: ArrayLike | None = None,
) -> Estimate:
    """A statistic of column sums with a BCa interval: `statistic` maps sums [B, M] to values [B], NaN where undefined.

    For statistics of a table of counts (phi, kappa, accuracy) the columns are indicators of its cells. Whole clusters
    are resampled (rows, if none are given).
    """
    columns = np.asarray(columns_NM, dtype=np.float64)
    if len(columns) == 0:
        return Estimate(value=None, low=None, high=None)
    value = float(statistic(columns.sum(axis=0, keepdims=True))[0])
    if np.isnan(value):
        return Estimate(value=None, low=None, high=None)
    found = patterns(columns, clusters)
    if len(found.totals) == 1:
        return Estimate(value=value, low=None, high=None)
    return bca(Estimate, value, found, statistic, seed, resamples)


@dataclass(frozen=True, slots=True)
class Patterns:
    """Clusters by what they contribute: distinct totals [K, M] in sorted order and how many clusters have each [K].

    A bootstrap of sums over clusters is a multinomial draw over these patterns: the same distribution as drawing
    clusters one by one, at a cost that does not grow with their number when the values are flags.
    """

    totals: Floats
    counts: NDArray[np.int64]

    @property
    def clusters(self) -> int:
        """How many clusters there are."""
        return int(self.counts.sum())


def patterns(columns_NM: Floats, clusters: ArrayLike | None) -> Patterns:
    """The patterns of the clusters' sums. Where more than `MOST_PATTERNS` differ, clusters are put together at random
    into that many groups: the total of G groups has the variance and the skewness that the total of its clusters has,
    so the interval stays the same up to noise while its cost stops growing. Groups are keyed by the sorted sums, not by
    the order of cases."""
    totals, counts = np.unique(cluster_sums(columns_NM, clusters), axis=0, return_counts=True)
    if len(totals) > MOST_PATTERNS:
        each = np.repeat(totals, counts, axis=0)[generator(len(totals), "groups").permutation(int(counts.sum()))]
        edges = np.linspace(0, len(each), MOST_PATTERNS + 1).astype(np.int64)[:-1]
        totals, counts = np.unique(np.add.reduceat(each, edges, axis=0), axis=0, return_counts=True)
    return Patterns(totals, counts.astype(np.int64))


def bca(
    kind: type[_Interval], value: float, pattern: Patterns, statistic: Statistic, seed: int, resamples: int
) -> _Interval:
    """Efron's bias-corrected and accelerated interval (Efron 1987; Efron and Tibshirani 1993, equation 14.9)."""
    drawn = replicates(pattern, statistic, seed, resamples)
    drawn = np.sort(drawn[~np.isnan(drawn)])
    below = (np.sum(drawn < value) + 0.5 * np.sum(drawn == value)) / max(1, drawn.size)
    shares = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if 0 < below < 1:
        bias, normal = stats.norm.ppf(below), stats.norm.ppf(shares)
        stretch = 1 - _acceleration(pattern, statistic) * (bias + normal)
        if np.all(stretch > 0):
            shares = stats.norm.cdf(bias + (bias + normal) / stretch)
    low, high = _quantiles(drawn, shares)
    return kind(value=value, low=low, high=high)


def _quantiles(drawn: Floats, shares: Floats) -> tuple[float | None, float | None]:
    """Order statistics at the two shares (no interpolation: some replicates may be infinite); None for infinity."""
    if drawn.size == 0:
        return None, None
    at = np.clip(np.round(shares * drawn.size).astype(int), 0, drawn.size - 1)
    low, high = (float(drawn[i]) if np.isfinite(drawn[i]) else None for i in at)
    return low, high


def replicates(pattern: Patterns, statistic: Statistic, seed: int, resamples: int) -> Floats:
    """The statistic of `resamples` resamples of the clusters."""
    draw = generator(seed)
    shares = pattern.counts / pattern.counts.sum()
    rows = max(1, _CELLS // len(shares))
    parts: list[Floats] = []
    for start in range(0, resamples, rows):
        draws = draw.multinomial(pattern.clusters, shares, size=min(rows, resamples - start))
        parts.append(statistic(draws @ pattern.totals))
    return np.concatenate(parts)


def _acceleration(pattern: Patterns, statistic: Statistic) -> float:
    """Skewness of the jackknife over clusters, divided by 6; clusters with the same totals are one computation."""
    left_out = statistic((pattern.counts @ pattern.totals)[None, :] - pattern.totals)
    usable = np.isfinite(left_out)
    values, weights = left_out[usable], pattern.counts[usable]
    if values.size < 2:
        return 0.0
    deviation = np.average(values, weights=weights) - values
    spread = float(weights @ deviation**2)
    return float(weights @ deviation**3) / (6 * spread**1.5) if spread > 0 else 0.0
