"""How much of a gap oversight closes, and how far a judge tells the right side from the wrong one."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from agents.figures import Estimate
from experiments.results.figures import Ratio
from experiments.statistics import bootstrap_estimate, mean_estimate
from experiments.statistics.bootstrap import Floats


def performance_gap_recovered(weak: float, supervised: float, ceiling: float) -> float | None:
    """(supervised - weak) / (ceiling - weak) (Burns et al. 2023, weak-to-strong generalisation): 0 is no better than
    the weak supervisor, 1 is the strong model's ceiling. None where there is no gap."""
    return None if ceiling == weak else (supervised - weak) / (ceiling - weak)


def gap_recovered(
    weak_N: ArrayLike,
    supervised_N: ArrayLike,
    ceiling_N: ArrayLike,
    clusters: ArrayLike | None = None,
    seed: int = 0,
) -> Ratio:
    """`performance_gap_recovered` of three columns over the same N cases, with a BCa interval over clusters.

    An end is None where resamples have no gap: a ratio whose denominator may be 0 is not bounded by the data.
    """
    columns = np.column_stack([np.asarray(column, dtype=np.float64) for column in (weak_N, supervised_N, ceiling_N)])
    found = bootstrap_estimate(columns, _recovered, seed, clusters=clusters)
    gap = bootstrap_estimate(
        np.column_stack([columns[:, 2] - columns[:, 0], np.ones(len(columns))]),
        lambda sums: sums[:, 0] / sums[:, 1],
        seed,
        clusters=clusters,
    )
    if gap.low is None or gap.high is None or gap.low <= 0 <= gap.high:
        return Ratio(value=found.value, low=None, high=None)
    return Ratio(value=found.value, low=found.low, high=found.high)


def _recovered(sums_B3: Floats) -> Floats:
    weak, supervised, ceiling = sums_B3.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(ceiling == weak, np.nan, (supervised - weak) / (ceiling - weak)))


def agent_score_difference(
    right_N: ArrayLike,
    wrong_N: ArrayLike,
    clusters: ArrayLike | None = None,
    score: Literal["log", "probability"] = "log",
) -> Estimate:
    """Mean over cases of the score for arguing the right side minus that for arguing the wrong one, given a judge's
    probabilities for both (Pallavi Sudhir, Kaunismaa and Panickssery 2025, a benchmark for scalable oversight
    protocols): above 0, arguing for the truth pays. Scores are log p, or p itself, whose difference stays within
    [-1, 1] and does not run away where a judge is sure. A cluster-robust t interval, cut at these ends for p.

    Raises ValueError for probabilities outside [0, 1], and for 0 with log scores.
    """
    right, wrong = np.asarray(right_N, dtype=np.float64), np.asarray(wrong_N, dtype=np.float64)
    if right.shape != wrong.shape or right.ndim != 1 or not right.size:
        raise ValueError("two columns of probabilities are needed, a row per case")
    least = min(right.min(), wrong.min())
    if not (least >= 0 and max(right.max(), wrong.max()) <= 1) or (score == "log" and least == 0):
        raise ValueError("probabilities must be in [0, 1], and above 0 for log scores")
    if score == "log":
        return mean_estimate(np.log(right) - np.log(wrong), clusters)
    found = mean_estimate(right - wrong, clusters)
    if found.low is None or found.high is None:
        return found
    return Estimate(value=found.value, low=max(-1.0, found.low), high=min(1.0, found.high))
