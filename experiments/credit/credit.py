"""Credit: each overseer's part in a metric, with intervals over cases."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.figures import Estimate
from experiments.credit.shapley import Floats, Part, Value, shapley_exact, shapley_sampled
from experiments.results.figures import Credit, CreditResult, Difference
from experiments.statistics import mean_estimate
from experiments.statistics.shares import NORMAL, unseen_share, wilson

EXACT = 8
"""Up to this many overseers every coalition is evaluated."""


def credit(
    arm: str,
    ids: Sequence[str],
    metric: str,
    value: Value,
    seed: int = 0,
    permutations: int = 200,
) -> CreditResult:
    """Credit of the overseers `ids` in a metric whose value per case `value` gives for every coalition that is asked.

    Exact over 2^n coalitions for up to `EXACT` overseers, else over that many random orders. Intervals are by t
    over cases; all coalitions see the same cases, so these are paired differences. What is the same in every case has
    the interval of the largest share of other cases that could have gone unseen.
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
            leave_one_out=_difference(Part(alone[one], 0.0)),
            shapley=_difference(parts[one]),
            standard_error=parts[one].standard_error,
        )
        for one in ids
    )
    return CreditResult(
        arm=arm, metric=metric, n=len(everybody), coalitions=len(known), credit=found,
        everybody=_level(everybody), nobody=_level(nobody),
    )  # fmt: skip


def _small(value_N: Floats) -> NDArray[Any]:
    """Flags as bits: thousands of coalitions are remembered."""
    return value_N.astype(bool) if np.isin(value_N, (0, 1)).all() else value_N


def _level(value_N: Floats) -> Estimate:
    """The mean of a column with its interval: Wilson's for flags."""
    if not np.isin(value_N, (0, 1)).all():
        return mean_estimate(value_N)
    low, high = wilson(int(value_N.sum()), len(value_N))
    return Estimate(value=float(value_N.mean()), low=low, high=high)


def _difference(part: Part) -> Difference:
    found = mean_estimate(part.value_N)
    if found.value is None or found.low is None:
        return Difference(value=found.value, low=None, high=None)
    apart = found.value - found.low or unseen_share(len(part.value_N))
    half = sqrt(apart**2 + (NORMAL * part.standard_error) ** 2)
    return Difference(value=found.value, low=found.value - half, high=found.value + half)
