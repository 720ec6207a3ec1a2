"""Agreement of raters beyond chance: Cohen's and Fleiss' kappa, Krippendorff's alpha, each with its interval.

Labels are positions in a vocabulary; `ABSENT` was not given, and is never an answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.figures import Estimate
from experiments.statistics import bootstrap_estimate
from experiments.statistics.bootstrap import Floats

ABSENT = -1
RESAMPLES = 2_000
Codes = NDArray[np.int64]


def encode(given: Sequence[str | None], labels: Sequence[str]) -> Codes:
    """Labels as positions in the vocabulary [N], ABSENT for None. Raises ValueError for a word outside it."""
    position: dict[str | None, int] = {label: i for i, label in enumerate(labels)}
    position[None] = ABSENT
    unknown = sorted({str(label) for label in given if label not in position})
    if unknown:
        raise ValueError(f"labels {', '.join(map(repr, unknown))} are not among {', '.join(map(repr, labels))}")
    return np.fromiter((position[label] for label in given), dtype=np.int64, count=len(given))


def confusion_matrix(reference_N: Codes, rater_N: Codes, size: int) -> Codes:
    """Counts [reference label, rater label] over the answers that both labelled."""
    both = (reference_N != ABSENT) & (rater_N != ABSENT)
    cells = np.bincount(reference_N[both] * size + rater_N[both], minlength=size * size)
    return cells.reshape(size, size).astype(np.int64)


def cohens_kappa(
    reference_N: Codes, rater_N: Codes, size: int, seed: int = 0, clusters: ArrayLike | None = None
) -> Estimate:
    """Cohen's kappa (Cohen 1960), (observed - chance) / (1 - chance), with a bootstrap interval over clusters of
    answers (answers, if none are given).

    None where chance agreement is 1: both raters used one and the same label throughout.
    """
    both = (reference_N != ABSENT) & (rater_N != ABSENT)
    cell_of = reference_N[both] * size + rater_N[both]
    cells = np.zeros((cell_of.size, size * size))
    cells[np.arange(cell_of.size), cell_of] = 1.0
    which = None if clusters is None else np.asarray(clusters)[both]
    return bootstrap_estimate(cells, lambda sums: _kappa(sums, size), seed, clusters=which)


def _kappa(sums: Floats, size: int) -> Floats:
    table = sums.reshape(-1, size, size)
    n = table.sum(axis=(1, 2))
    observed = np.trace(table, axis1=1, axis2=2) / n
    chance = np.sum(table.sum(axis=1) * table.sum(axis=2), axis=1) / n**2
    return _beyond(observed, chance)


def krippendorff_alpha(codes_UR: ArrayLike, clusters: ArrayLike | None = None, seed: int = 0) -> Estimate:
    """Krippendorff's alpha for nominal labels: codes [U, R] of U units by R raters, `ABSENT` where one did not say.

    alpha = 1 - D_o / D_e. Over pairs of labels within units, each unit of m labels weighted by 1 / (m - 1), o_ck counts
    the coincidences of labels c and k, n_c their margins and n their sum: D_o = (n - sum o_cc) / n and D_e =
    (n^2 - sum n_c^2) / (n (n - 1)) (Krippendorff 2004, 2011). Units with fewer than two labels say nothing. 1 is
    perfect agreement, 0 chance. None where it is not defined: nothing to pair, or only one label in use.

    The interval resamples clusters of units (units, if none are given), which is right where units are a sample (Zapf
    et al. 2016). Raises ValueError for anything but a table of whole numbers from `ABSENT` up.
    """
    counts = _counts(codes_UR)
    m = counts.sum(axis=1)
    paired = m >= 2
    counts, m = counts[paired], m[paired]
    same = counts * (counts - 1) / (m - 1)[:, None]
    which = None if clusters is None else np.asarray(clusters)[paired]
    columns = np.column_stack([counts, same.sum(axis=1)])
    return bootstrap_estimate(columns, _alpha, seed, RESAMPLES, which)


def _alpha(sums: Floats) -> Floats:
    margins, same = sums[:, :-1], sums[:, -1]
    n = margins.sum(axis=1)
    expected = n * n - (margins * margins).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(expected > 0, 1.0 - (n - 1) * (n - same) / expected, np.nan))


def fleiss_kappa(counts_UC: ArrayLike, clusters: ArrayLike | None = None, seed: int = 0) -> Estimate:
    """Fleiss' kappa (Fleiss 1971): counts [U, C] of how many of m raters gave unit u the label c.

    P_u = (sum_c n_uc^2 - m) / (m (m - 1)), p_c the share of label c, kappa = (mean P - sum p_c^2) / (1 - sum p_c^2).
    None where every label given is the same. The interval resamples clusters of units (units, if none are given).
    Raises ValueError for units of different numbers of raters, or fewer than two: with missing labels use alpha.
    """
    counts: Floats = np.asarray(counts_UC, dtype=np.float64)
    if counts.ndim != 2 or not len(counts):
        raise ValueError(f"counts [units, labels] are needed; got shape {counts.shape}")
    raters = counts.sum(axis=1)
    if (raters != raters[0]).any() or raters[0] < 2:
        raise ValueError("every unit needs the same number of raters, at least two; for missing labels use alpha")
    m = float(raters[0])
    agreement = ((counts * counts).sum(axis=1) - m) / (m * (m - 1))
    columns = np.column_stack([counts, agreement])
    return bootstrap_estimate(columns, lambda sums: _fleiss(sums, m), seed, RESAMPLES, clusters)


def _fleiss(sums: Floats, raters: float) -> Floats:
    margins, agreement = sums[:, :-1], sums[:, -1]
    total = margins.sum(axis=1)
    return _beyond(agreement * raters / total, ((margins / total[:, None]) ** 2).sum(axis=1))


def label_counts(codes_UR: ArrayLike, labels: int | None = None) -> Codes:
    """Counts [U, C] of every label of units that all raters labelled, from codes [U, R]."""
    codes = np.asarray(codes_UR)
    whole = codes[(codes != ABSENT).all(axis=1)]
    size = labels or 1 + int(codes.max(initial=0))
    return np.stack([(whole == label).sum(axis=1) for label in range(size)], axis=1)


def _counts(codes_UR: ArrayLike) -> Floats:
    codes = np.asarray(codes_UR)
    if codes.ndim != 2 or codes.dtype.kind not in "iu" or (codes.size and codes.min() < ABSENT):
        raise ValueError(f"codes [units, raters] from {ABSENT} up are needed; got {codes.dtype} {codes.shape}")
    labels = range(1 + int(codes.max(initial=0)))
    return np.stack([(codes == label).sum(axis=1) for label in labels], axis=1).astype(np.float64)


def _beyond(observed: Floats, chance: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(chance < 1, (observed - chance) / (1 - chance), np.nan))
