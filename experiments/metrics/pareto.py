"""Which arms no other arm is at least as good as in everything and better than in something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Better = Literal["lower", "higher"]


def dominators(values_NM: ArrayLike, better: Sequence[Better] | None = None) -> list[tuple[int, ...]]:
    """For each of N arms, the arms that dominate it: at least as good in all M metrics and better in one.

    `better` says which way each metric goes; lower unless said. Equal arms do not dominate each other. An arm with a
    NaN is compared with nobody: what was not measured neither dominates nor is dominated. Raises ValueError where
    `better` does not fit the metrics.
    """
    values = np.asarray(values_NM, dtype=np.float64)
    if values.ndim != 2 or (better is not None and len(better) != values.shape[1]):
        raise ValueError(f"a table of arms by metrics is needed, with a direction each; got {values.shape}, {better}")
    signs = np.array([1.0 if way == "lower" else -1.0 for way in better]) if better is not None else 1.0
    costs = values * signs
    known: NDArray[np.bool_] = np.asarray(~np.isnan(costs).any(axis=1))
    found: list[tuple[int, ...]] = []
    for cost, here in zip(costs, known, strict=True):
        beats = known & (costs <= cost).all(axis=1) & (costs < cost).any(axis=1) & here
        found.append(tuple(np.flatnonzero(beats).tolist()))
    return found


def front(values_NM: ArrayLike, better: Sequence[Better] | None = None) -> list[bool]:
    """Whether each of N arms is on the Pareto front of M metrics: measured in all, and dominated by nobody."""
    values = np.asarray(values_NM, dtype=np.float64)
    beaten = dominators(values, better)
    return [not by and not np.isnan(row).any() for by, row in zip(beaten, values, strict=True)]
