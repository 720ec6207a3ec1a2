"""Whether stated probabilities mean what they say, and whether they rank rightly; every figure with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from agents.figures import Estimate
from experiments.statistics import LEVEL, mean_estimate
from experiments.statistics.bootstrap import generator, patterns, replicates
from experiments.statistics.clusters import cluster_sums
from experiments.statistics.shares import NORMAL, unseen_share

Floats = NDArray[np.float64]
RESAMPLES = 1_000


def _checked(p_N: ArrayLike, y_N: ArrayLike) -> tuple[Floats, Floats]:
    p, y = np.asarray(p_N, dtype=np.float64), np.asarray(y_N, dtype=np.float64)
    if p.shape != y.shape or p.ndim != 1 or not len(p):
        raise ValueError(
            f"probabilities {p.shape} and outcomes {y.shape} must be columns of the same rows, at least one"
        )
    if not ((p >= 0) & (p <= 1)).all() or not np.isin(y, (0, 1)).all():
        raise ValueError("probabilities must be from 0 to 1, outcomes 0 or 1")
    return p, y


def bin_of(p_N: Floats, bins: int, equal_mass: bool) -> NDArray[np.int64]:
    """The bin of each probability: of equal width over [0, 1] (the last includes 1), or of equal mass (as equal as
    ties allow: equal probabilities share a bin)."""
    if equal_mass:
        edges = np.quantile(p_N, np.linspace(0, 1, bins + 1)[1:-1])
        return np.searchsorted(edges, p_N, side="right")
    return np.minimum((p_N * bins).astype(np.int64), bins - 1)


def expected_calibration_error(p_N: ArrayLike, y_N: ArrayLike, bins: int = 10, equal_mass: bool = False) -> float:
    """sum over bins of (share of cases) * |mean outcome - mean probability| (Naeini, Cooper and Hauskrecht 2015).

    In a finite sample it is above 0 for a calibrated forecaster too, the more so the more bins there are.
    """
    p, y = _checked(p_N, y_N)
    gap = np.bincount(bin_of(p, bins, equal_mass), y - p, bins)
    return float(np.abs(gap).sum() / len(p))


def calibration_error(
    p_N: ArrayLike, y_N: ArrayLike, bins: int = 10, equal_mass: bool = False, clusters: ArrayLike | None = None,
    seed: int = 0,
) -> Estimate:  # fmt: skip
    """`expected_calibration_error` with an interval over clusters (rows, if none are given), bins held fixed.

    The estimate is biased upwards, and so are its resamples: the interval is the basic bootstrap's (2 e - q_high,
    2 e - q_low), which takes the bias off once, not less than 0. Its lower end is 0 wherever calibration itself is not
    refuted: where e is below the 97.5 % quantile of the same sum with every cluster's residuals y - p given a random
    sign (a wild bootstrap under calibration; after the consistency resampling of Bröcker and Smith 2007, but keeping
    what belongs together together). Where no verdict was wrong its upper end is raised as in `brier_score`.
    """
    p, y = _checked(p_N, y_N)
    gaps = np.zeros((len(p), bins))
    gaps[np.arange(len(p)), bin_of(p, bins, equal_mass)] = y - p
    value = float(np.abs(gaps.sum(axis=0)).sum() / len(p))
    pattern = patterns(np.column_stack([gaps, np.ones(len(p))]), clusters)
    if len(pattern.totals) == 1:
        return Estimate(value=value, low=None, high=None)
    drawn = replicates(pattern, lambda sums: np.abs(sums[:, :-1]).sum(axis=1) / sums[:, -1], seed, RESAMPLES)
    below, above = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    calibrated = value <= _calibrated(gaps, clusters, seed)
    high = min(1.0, max(value, 2 * value - below))
    low = 0.0 if calibrated else min(value, max(0.0, 2 * value - above))  # rounding can put it above the value
    found = Estimate(value=value, low=low, high=high)
    return _with_unseen(found, p, y, clusters)


def _calibrated(gaps_NB: Floats, clusters: ArrayLike | None, seed: int) -> float:
    """The 97.5 % quantile of the error were every probability met."""
    pattern = patterns(gaps_NB, clusters)
    draw = generator(seed, "signs")
    # k of a pattern's c clusters keep their sign: a sum of c signs is 2 Binomial(c, 1/2) - c.
    signs = 2 * draw.binomial(pattern.counts, 0.5, size=(RESAMPLES, len(pattern.counts))) - pattern.counts
    return float(np.quantile(np.abs(signs @ pattern.totals).sum(axis=1), (1 + LEVEL) / 2) / len(gaps_NB))


@dataclass(frozen=True)
class Brier:
    """The Brier score and Murphy's (1973) parts of it over distinct probabilities: reliability - resolution +
    uncertainty; reliability is 0 where every probability is met, resolution is large where they differ usefully."""

    score: float
    reliability: float
    resolution: float
    uncertainty: float


def brier(p_N: ArrayLike, y_N: ArrayLike) -> Brier:
    """Mean squared error of probabilities (Brier 1950), decomposed."""
    p, y = _checked(p_N, y_N)
    values, index = np.unique(p, return_inverse=True)
    count = np.bincount(index, minlength=len(values)).astype(float)
    rate = np.bincount(index, y, len(values)) / count
    base = float(y.mean())
    return Brier(
        score=float(((p - y) ** 2).mean()),
        reliability=float((count * (values - rate) ** 2).sum() / len(p)),
        resolution=float((count * (rate - base) ** 2).sum() / len(p)),
        uncertainty=base * (1.0 - base),
    )


def brier_score(p_N: ArrayLike, y_N: ArrayLike, clusters: ArrayLike | None = None) -> Estimate:
    """The Brier score, a mean, with its cluster-robust interval.

    Where no verdict was on the wrong side of one half, the resulting spread says nothing of errors not yet seen: the
    upper end is then at least the score plus the largest share of clusters that could have them (the rule of three).
    """
    p, y = _checked(p_N, y_N)
    found = mean_estimate((p - y) ** 2, clusters)
    low, high = (None if end is None else min(1.0, max(0.0, end)) for end in (found.low, found.high))
    return _with_unseen(Estimate(value=found.value, low=low, high=high), p, y, clusters)


def _with_unseen(found: Estimate, p_N: Floats, y_N: Floats, clusters: ArrayLike | None) -> Estimate:
    if found.value is None or found.high is None or bool(((p_N >= 0.5) != (y_N >= 0.5)).any()):
        return found
    groups = len(p_N) if clusters is None else len(np.unique(np.asarray(clusters)))
    high = min(1.0, max(found.high, found.value + unseen_share(groups)))
    return Estimate(value=found.value, low=found.low, high=high)


def auroc(score_N: ArrayLike, y_N: ArrayLike) -> float | None:
    """Probability that a positive scores above a negative, ties a half (Mann and Whitney 1947); None without both."""
    score, y = np.asarray(score_N, dtype=np.float64), np.asarray(y_N, dtype=bool)
    positive, negative = int(y.sum()), int((~y).sum())
    if not positive or not negative:
        return None
    ranks = stats.rankdata(score)
    return float((ranks[y].sum() - positive * (positive + 1) / 2) / (positive * negative))


def ranking(score_N: ArrayLike, y_N: ArrayLike, clusters: ArrayLike | None = None) -> Estimate:
    """`auroc` with an interval: DeLong, DeLong and Clarke-Pearson (1988), for clusters as Obuchowski (1997), on the
    logit scale so that it stays within [0, 1]. None without both outcomes.

    Each row's placement is the share of the other outcome's rows that it is on the right side of; the variance is that
    of their sums over clusters. Where every pair is ranked alike that variance is 0, and the interval is Newcombe's
    (2006, method 5) for as many clusters, or rows, as have either outcome.
    """
    score, y = np.asarray(score_N, dtype=np.float64), np.asarray(y_N, dtype=bool)
    area = auroc(score, y)
    if area is None:
        return Estimate(value=None, low=None, high=None)
    who = np.arange(len(y)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1].ravel()
    positives, negatives = len(np.unique(who[y])), len(np.unique(who[~y]))
    if not 0 < area < 1:
        edge = _newcombe(positives, negatives)
        return Estimate(value=area, low=1 - edge if area == 1 else 0.0, high=1.0 if area == 1 else edge)
    if min(positives, negatives) < 2:
        return Estimate(value=area, low=None, high=None)
    influence = np.zeros(len(y))
    influence[y] = (_below(score[y], score[~y]) - area) / y.sum()
    influence[~y] = (1 - _below(score[~y], score[y]) - area) / (~y).sum()
    spread = 0.0
    for part, groups in ((y, positives), (~y, negatives)):
        sums = cluster_sums((influence * part)[:, None], who)[:, 0]
        spread += float((sums**2).sum()) * groups / (groups - 1)
    mixed = cluster_sums((influence * y)[:, None], who)[:, 0] @ cluster_sums((influence * ~y)[:, None], who)[:, 0]
    error = sqrt(max(0.0, spread + 2 * float(mixed))) / (area * (1 - area))
    low, high = (1 / (1 + np.exp(-(np.log(area / (1 - area)) + side * NORMAL * error))) for side in (-1, 1))
    return Estimate(value=area, low=float(low), high=float(high))


def _below(score_n: Floats, other_m: Floats) -> Floats:
    """The share of `other_m` below each score, ties a half."""
    other = np.sort(other_m)
    both = np.searchsorted(other, score_n, "left") + np.searchsorted(other, score_n, "right")
    return np.asarray(both / (2 * len(other)))


def _newcombe(m: int, n: int) -> float:
    """The upper end for an area of 0: theta with theta = z sqrt(V(theta)), by bisection."""
    middle = (m + n) / 2 - 1
    low, high = 0.0, 1.0
    for _ in range(60):
        theta = (low + high) / 2
        other = 1 - theta
        spread = theta * other / (m * n) * (1 + middle * (other / (1 + other) + theta / (1 + theta)))
        low, high = (theta, high) if theta < NORMAL * sqrt(spread) else (low, theta)
    return high
