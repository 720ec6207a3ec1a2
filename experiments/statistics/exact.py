"""Exact tests of two arms on the same cases, and corrections for testing several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]


def paired_columns(a_N: ArrayLike, b_N: ArrayLike) -> tuple[Floats, Floats]:
    """Two columns over the same cases as floats. Raises ValueError for other shapes, NaN and infinity."""
    a, b = (np.asarray(x, dtype=np.float64) for x in (a_N, b_N))
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"paired columns must be flat and of one length; got shapes {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("paired columns hold NaN or infinity; leave out cases that were not measured under both")
    return a, b


def mcnemar(a_N: ArrayLike, b_N: ArrayLike) -> tuple[int, int, float]:
    """(cases where only a holds, cases where only b holds, p) of McNemar's exact two-sided test (McNemar 1947).

    Given the discordant cases, each falls on either side with chance one half if a and b are equally frequent; p is 1
    without discordant cases. It treats cases as independent: for clustered cases trust the bootstrap interval.
    """
    a, b = paired_columns(a_N, b_N)
    only_a, only_b = int(np.sum((a == 1) & (b == 0))), int(np.sum((a == 0) & (b == 1)))
    return only_a, only_b, mcnemar_of_counts(only_a, only_b)


def mcnemar_of_counts(only_a: int, only_b: int, mid_p: bool = False) -> float:
    """McNemar's exact two-sided p from the discordant counts; 1 without any.

    `mid_p` counts the outcome seen at half its probability: p - P(only_a | only_a + only_b, 1/2). It keeps nearer to
    the nominal level than the exact test, which is conservative, and exceeds it by little (Fagerland, Lydersen and
    Laake 2013).
    """
    n = only_a + only_b
    if n == 0:
        return 1.0
    p = float(stats.binomtest(only_a, n, 0.5).pvalue)
    return p - float(stats.binom.pmf(only_a, n, 0.5)) if mid_p else p


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p values adjusted for a family of comparisons by Holm's step-down method (Holm 1979), in the order given."""
    p = np.asarray(p_values, dtype=np.float64)
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError(f"p values must be from 0 to 1; got {list(p_values)}")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)))
    return tuple(float(value) for value in adjusted)
