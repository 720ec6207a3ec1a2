"""Cases that belong together: sums within clusters, and how many independent cases they are worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

LEVEL = 0.95
Floats = NDArray[np.float64]


def cluster_sums(columns_NM: Floats, clusters: ArrayLike | None) -> Floats:
    """Columns [N, M] summed within clusters, [G, M] in the order of the clusters' names; as they are without any.

    Raises ValueError where there is not one cluster name per case.
    """
    if clusters is None:
        return columns_NM
    names, index = np.unique(np.asarray(clusters), return_inverse=True)
    if index.size != len(columns_NM):
        raise ValueError(f"{index.size} cluster names for {len(columns_NM)} cases; one per case is needed")
    totals = np.zeros((len(names), columns_NM.shape[1]))
    np.add.at(totals, index.ravel(), columns_NM)
    return totals


def design_effect(values_N: ArrayLike, clusters: ArrayLike) -> float:
    """How many times more cases are needed because they come in clusters (Kish 1965): the variance of the mean over
    clusters over that of as many independent cases. Multiply `required_cases` by it. With clusters of m cases of
    intra-cluster correlation r it is about 1 + (m - 1) r. 1 where the values do not vary."""
    values = np.asarray(values_N, dtype=np.float64)
    residual = (values - values.mean())[:, None]
    alone = float((residual**2).sum())
    return float((cluster_sums(residual, clusters) ** 2).sum()) / alone if alone > 0 else 1.0


def effective_size(flags_N: NDArray[np.bool_], clusters: ArrayLike) -> float:
    """How many independent flags say as much about their share as N flags in G clusters.

    N over Kish's design effect, times (t_{N-1} / t_{G-1})^2 for the uncertainty of that effect (Korn and Graubard
    1998; with Wilson's interval Franco, Little, Louis and Slud 2019); never more than N. Where all flags are the same
    the effect is not known, and the flags of a cluster count as one.
    """
    groups = len(np.unique(np.asarray(clusters)))
    if flags_N.all() or not flags_N.any() or groups < 2:
        return float(groups)
    degrees = stats.t.ppf((1 + LEVEL) / 2, np.array([flags_N.size - 1, groups - 1]))
    return float(min(1.0, (degrees[0] / degrees[1]) ** 2 / design_effect(flags_N, clusters)) * flags_N.size)
