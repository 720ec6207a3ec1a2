"""Credit: each overseer's part in a metric, with intervals over cases."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.credit.shapley import Floats, Part, Value, shapley_exact, shapley_sampled
from experiments.results import Credit, CreditResult, Difference, Estimate
from experiments.statistics import mean_estimate
from experiments.statistics.shares import NORMAL, unseen_share

EXACT = 8
"""Up to this many overseers every coalition is evaluated."""


def credit(
    arm: str,
    ids: Sequence[str],
    metric: str,
    value: Value,
    seed: int = 0,
    permutations: int = 200,
    clusters: ArrayLike | None = None,
) -> CreditResult:
    """Credit of the overseers `ids` in a metric whose value per case `value` gives for every coalition that is asked.

    Exact over 2^n coalitions for up to `EXACT` overseers, else over that many random orders. Intervals are over
    clusters (cases, if none are given) by t; all coalitions see the same cases, so these are paired differences. What
    is the same in every case has the interval of the largest share of other cases that could have gone unseen.
    """
    known: dict[frozenset[str], NDArray[Any]] = {}

    def remembered(asked: frozenset[str]) -> Floats:
        if asked not in known:
            known[asked] = _small(value(asked))
        return known[asked].astype(np.float64)

    everybody = remembered(frozenset(ids))
    alone = {one: everybody - remembered(frozenset(ids) - {one}) for one in ids}
    exact = len(ids) <= EXACT
    parts = shapley_exact(ids, remembered) if exact else shapley_sampled(ids, remembered, permutations, seed)
    nobody = remembered(frozenset())
    found = tuple(
        Credit(
            overseer=one,
            leave_one_out=_difference(Part(alone[one], 0.0), clusters),
            shapley=_difference(parts[one], clusters),
            standard_error=parts[one].standard_error,
        )
        for one in ids
    )
    return CreditResult(
        arm=arm, metric=metric, n=len(everybody), coalitions=len(known), credit=found,
        everybody=_level(everybody, clusters), nobody=_level(nobody, clusters),
    )  # fmt: skip


def _small(value_N: Floats) -> NDArray[Any]:
    """Flags as bits: thousands of coalitions are remembered."""
    return value_N.astype(bool) if np.isin(value_N, (0, 1)).all() else value_N


def _level(value_N: Floats, clusters: ArrayLike | None) -> Estimate:
    """The mean of a share with its interval; one that does not vary is as sure as what could have gone unseen."""
    found = mean_estimate(value_N, clusters)
    if found.value is None or found.low is None or found.low < found.value:
        return found
    unseen = unseen_share(len(value_N))
    return Estimate(value=found.value, low=max(0.0, found.value - unseen), high=min(1.0, found.value + unseen))


def _difference(part: Part, clusters: ArrayLike | None) -> Difference:
    found = mean_estimate(part.value_N, clusters)
    if found.value is None or found.low is None:
        return Difference(value=found.value, low=None, high=None)
    apart = found.value - found.low or unseen_share(len(part.value_N))
    half = sqrt(apart**2 + (NORMAL * part.standard_error) ** 2)
    return Difference(value=found.value, low=found.value - half, high=found.value + half)
