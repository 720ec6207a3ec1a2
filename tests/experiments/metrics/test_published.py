"""Measures against published examples and against brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from experiments.metrics.agreement import ABSENT, fleiss_kappa, krippendorff_alpha
from experiments.metrics.calibration import auroc, brier, expected_calibration_error
from experiments.metrics.gaps import agent_score_difference, performance_gap_recovered

_ = None
KRIPPENDORFF = [  # four observers, twelve units (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", C)
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]
WIKIPEDIA = [  # fourteen raters, ten subjects, five categories: kappa .210
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def test_alpha_of_krippendorffs_own_example() -> None:
    codes = [[ABSENT if v is None else v for v in unit] for unit in zip(*KRIPPENDORFF, strict=True)]
    found = krippendorff_alpha(codes)
    assert found.value == pytest.approx(0.743, abs=5e-4)
    assert found.low < found.value < found.high


def test_alpha_is_one_in_agreement_zero_by_chance_and_none_where_nothing_varies() -> None:
    assert krippendorff_alpha([[0, 0, ABSENT], [1, 1, ABSENT]]).value == 1.0
    assert krippendorff_alpha([[0, 0], [0, ABSENT]]).value is None
    votes = np.random.default_rng(0).integers(0, 3, (4000, 3))
    assert krippendorff_alpha(votes).value == pytest.approx(0.0, abs=0.02)


def test_kappa_of_the_textbook_example() -> None:
    assert fleiss_kappa(WIKIPEDIA).value == pytest.approx(0.210, abs=5e-4)
    assert fleiss_kappa([[3, 0], [0, 3]]).value == 1.0
    assert fleiss_kappa([[3, 0], [3, 0]]).value is None
    with pytest.raises(ValueError, match="rater"):
        fleiss_kappa([[3, 0], [1, 1]])


def test_for_many_cases_kappa_and_alpha_agree() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 5000)
    votes = np.where(rng.random((5000, 4)) < 0.8, truth[:, None], 1 - truth[:, None])
    counts = np.stack([(votes == c).sum(axis=1) for c in (0, 1)], axis=1)
    assert fleiss_kappa(counts).value == pytest.approx(krippendorff_alpha(votes).value, abs=1e-3)


def test_calibrated_probabilities_have_no_error_and_overconfident_ones_their_gap() -> None:
    rng = np.random.default_rng(2)
    p = rng.random(50_000)
    y = rng.random(50_000) < p
    for equal_mass in (False, True):
        assert expected_calibration_error(p, y, equal_mass=equal_mass) < 0.015
        assert expected_calibration_error(
            np.full(1000, 0.9), np.arange(1000) < 700, equal_mass=equal_mass
        ) == pytest.approx(0.2)


def test_equal_mass_bins_are_by_hand() -> None:
    p, y = [0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1]
    assert expected_calibration_error(p, y, bins=2, equal_mass=True) == pytest.approx((abs(1 - 0.3) + abs(1 - 0.7)) / 4)
    assert expected_calibration_error(p, y, bins=2) == pytest.approx(abs(2 - 1.0) / 4)


def test_the_brier_score_is_the_sum_of_its_parts() -> None:
    rng = np.random.default_rng(3)
    p = rng.choice([0.1, 0.4, 0.8], 500)
    y = (rng.random(500) < p).astype(int)
    found = brier(p, y)
    assert found.score == pytest.approx(float(((p - y) ** 2).mean()))
    assert found.score == pytest.approx(found.reliability - found.resolution + found.uncertainty)


@pytest.mark.parametrize("seed", range(3))
def test_auroc_counts_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score, y = rng.integers(0, 6, 60), rng.random(60) < 0.4
    pairs = [(1.0 if a > b else 0.5 if a == b else 0.0) for a, b in product(score[y], score[~y])]
    assert auroc(score, y) == pytest.approx(np.mean(pairs))
    assert auroc(score, np.ones(60)) is None


def test_gaps() -> None:
    assert performance_gap_recovered(0.6, 0.75, 0.9) == pytest.approx(0.5)
    assert performance_gap_recovered(0.6, 0.75, 0.6) is None
    assert agent_score_difference([0.8, 0.5], [0.2, 0.5]).value == pytest.approx(np.log(4) / 2)
    with pytest.raises(ValueError, match="probabilities must be in"):
        agent_score_difference([0.0], [1.0])
