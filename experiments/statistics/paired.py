"""Two arms on the same cases: differences, ratios, and what common random numbers saved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from experiments.results.arms import Comparison
from experiments.results.figures import Difference, Ratio
from experiments.statistics.bootstrap import RESAMPLES, Floats, Patterns, bca, patterns
from experiments.statistics.clusters import cluster_sums
from experiments.statistics.exact import holm, mcnemar, paired_columns
from experiments.statistics.planning import detectable_of_counts
from experiments.statistics.shares import clopper_pearson, unseen_share


def paired_difference(
    a_N: ArrayLike, b_N: ArrayLike, clusters: ArrayLike | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> Difference:
    """mean(a) - mean(b) over the same N cases with a BCa bootstrap interval over clusters (cases, if none given).

    Where every cluster has the same difference the bootstrap says nothing; the interval is then widened by
    1 - 0.05^(1/clusters), the largest share of differing clusters that could have gone unseen (for values from 0 to 1).
    """
    a, b = paired_columns(a_N, b_N)
    if a.size == 0:
        return Difference(value=None, low=None, high=None)
    pattern = patterns(np.column_stack([a - b, np.ones_like(a)]), clusters)
    return _difference(float((a - b).mean()), pattern, seed, resamples)


def _difference(value: float, pattern: Patterns, seed: int, resamples: int) -> Difference:
    if len(pattern.totals) == 1:
        unseen = unseen_share(pattern.clusters)
        return Difference(value=value, low=max(-1.0, value - unseen), high=min(1.0, value + unseen))
    return bca(Difference, value, pattern, quotient, seed, resamples)


def difference_of_counts(only_a: int, only_b: int, n: int, seed: int = 0, resamples: int = RESAMPLES) -> Difference:
    """`paired_difference` of two flags over n cases of which `only_a` and `only_b` are discordant."""
    a, b = np.zeros(3), np.zeros(3)
    a[0], b[1] = 1.0, 1.0
    counts = np.array([only_a, only_b, n - only_a - only_b])
    if n == 0:
        return Difference(value=None, low=None, high=None)
    here = counts > 0
    totals = np.column_stack([a - b, np.ones(3)])[here]
    order = np.lexsort(totals.T[::-1])
    pattern = Patterns(totals[order], counts[here][order].astype(np.int64))
    return _difference((only_a - only_b) / n, pattern, seed, resamples)


def ratio_of_means(
    after_N: ArrayLike, before_N: ArrayLike, clusters: ArrayLike | None = None, seed: int = 0,
    resamples: int = RESAMPLES,
) -> Ratio:  # fmt: skip
    """mean(after) / mean(before) over the same N cases with a BCa bootstrap interval over clusters.

    None where `before` has no events. Without any event after, the bootstrap cannot see an upper end: it is then the
    exact upper bound of the share after (Clopper and Pearson, over clusters) over the share before. Where after is
    before in every case, the interval is that of the largest share of other cases that could have gone unseen.
    """
    after, before = paired_columns(after_N, before_N)
    if before.sum() == 0:
        return Ratio(value=None, low=None, high=None)
    pattern = patterns(np.column_stack([after, before]), clusters)
    value = float(after.sum() / before.sum())
    if after.sum() == 0:
        return Ratio(value=0.0, low=0.0, high=clopper_pearson(0, pattern.clusters)[1] / float(before.mean()))
    if np.array_equal(after, before):
        unseen, share = unseen_share(pattern.clusters), float(before.mean())
        return Ratio(value=1.0, low=max(0.0, 1 - unseen / share), high=min(1.0, share + unseen) / share)
    if len(pattern.totals) == 1:
        return Ratio(value=value, low=value, high=value)
    return bca(Ratio, value, pattern, quotient, seed, resamples)


def quotient(sums_B2: Floats) -> Floats:
    """First column over second; infinite where the second is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums_B2[:, 0] / sums_B2[:, 1])


def compare(
    name: str, arms: tuple[str, str], metric: str, a_N: ArrayLike, b_N: ArrayLike, *,
    clusters: ArrayLike | None = None, seed: int = 0, planned: bool = False, split: str = "run",
) -> Comparison:  # fmt: skip
    """The paired comparison of a metric between two arms on the same cases in the same order.

    Flags (0 and 1) also get discordant counts and McNemar's exact p; other numbers have neither.
    """
    a, b = paired_columns(a_N, b_N)
    binary = bool(np.isin(a, (0, 1)).all() and np.isin(b, (0, 1)).all())
    only_a, only_b, p = mcnemar(a, b) if binary else (None, None, None)
    over = "cases" if clusters is None else "clusters"
    return Comparison(
        name=name, a=arms[0], b=arms[1], metric=metric, difference=paired_difference(a, b, clusters, seed),
        method=f"paired BCa bootstrap over {over}, {RESAMPLES:,} resamples", n=a.size, only_a=only_a, only_b=only_b,
        p=p, planned=planned, split=split, variance_ratio=variance_ratio(a, b, clusters),
        detectable=None if only_a is None or only_b is None else detectable_of_counts(only_a, only_b, a.size),
    )  # fmt: skip


def with_holm(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The same comparisons with `p_holm` over the family of those that have a p value."""
    tested = [c for c in comparisons if c.p is not None]
    adjusted = iter(holm([c.p for c in tested if c.p is not None]))
    return tuple(c if c.p is None else c.model_copy(update={"p_holm": next(adjusted)}) for c in comparisons)


def variance_ratio(a_N: ArrayLike, b_N: ArrayLike, clusters: ArrayLike | None = None) -> float | None:
    """(V(a) + V(b)) / V(a - b), V the variance of the mean over clusters: how many times more cases independent draws
    would need for the same interval than common random numbers did. None where a - b is constant."""
    a, b = paired_columns(a_N, b_N)
    if a.size < 2 or np.ptp(a - b) == 0:
        return None
    columns = np.column_stack([a - a.mean(), b - b.mean(), (a - b) - (a - b).mean()])
    apart, other, paired = (cluster_sums(columns, clusters) ** 2).sum(axis=0).tolist()
    return (apart + other) / paired if paired > 0 else None
