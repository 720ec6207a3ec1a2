"""Measures against published examples and against brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from experiments.metrics.agreement import ABSENT, fleiss_kappa, krippendorff_alpha, label_counts
from experiments.metrics.calibration import (
    auroc,
    brier,
    brier_score,
    calibration_error,
    expected_calibration_error,
    ranking,
)
from experiments.metrics.control import budget_curve
from experiments.metrics.gaps import agent_score_difference, gap_recovered, performance_gap_recovered
from experiments.metrics.pareto import dominators, front
from experiments.statistics import wilson

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


FLEISS = """
0 0 0 6 0|0 3 0 0 3|0 1 4 0 1|0 0 0 0 6|0 3 0 3 0|2 0 4 0 0|0 0 4 0 2|2 0 3 1 0|2 0 0 4 0|0 0 0 0 6|1 0 0 5 0
1 1 0 4 0|0 3 3 0 0|1 0 0 5 0|0 2 0 3 1|0 0 5 0 1|3 0 0 1 2|5 1 0 0 0|0 2 0 4 0|1 0 2 0 3|0 0 0 0 6|0 1 0 5 0
0 2 0 1 3|2 0 0 4 0|1 0 0 4 1|0 5 0 1 0|4 0 0 0 2|0 2 0 4 0|1 0 5 0 0|0 0 0 0 6
"""  # six raters, thirty patients, five diagnoses (Fleiss 1971, table 1)


def codes(table: list[list[int | None]]) -> np.ndarray:
    """Observers by units, as published, to codes [units, raters]."""
    return np.array([[ABSENT if v is None else v - 1 for v in unit] for unit in zip(*table, strict=True)])


def test_alpha_of_krippendorffs_own_example() -> None:
    assert krippendorff_alpha(codes(KRIPPENDORFF)).value == pytest.approx(0.743, abs=5e-4)


def test_alpha_is_the_sum_over_all_pairs() -> None:
    """By brute force over pairs of labels, with units of different sizes."""
    rng = np.random.default_rng(5)
    table = np.where(rng.random((40, 4)) < 0.3, ABSENT, rng.integers(0, 3, (40, 4)))
    units = [[v for v in unit if v != ABSENT] for unit in table.tolist()]
    units = [unit for unit in units if len(unit) > 1]
    everything = [v for unit in units for v in unit]
    n = len(everything)
    observed = sum(
        sum(a != b for i, a in enumerate(u) for j, b in enumerate(u) if i != j) / (len(u) - 1) for u in units
    )
    expected = sum(a != b for a, b in product(everything, repeat=2)) / (n - 1)
    assert krippendorff_alpha(table).value == pytest.approx(1 - observed / expected)


def test_alpha_is_one_in_agreement_zero_by_chance_and_none_where_nothing_varies() -> None:
    assert krippendorff_alpha([[0, 0], [1, 1]]).value == 1.0
    assert krippendorff_alpha([[0, 0], [0, ABSENT]]).value is None
    votes = np.random.default_rng(0).integers(0, 3, (4000, 3))
    found = krippendorff_alpha(votes)
    assert found.value == pytest.approx(0.0, abs=0.02)
    assert found.low < 0 < found.high
    with pytest.raises(ValueError, match="codes"):
        krippendorff_alpha([[0.5, 1.0]])


def test_kappas_of_fleiss_and_of_the_textbook_example() -> None:
    fleiss = [[int(v) for v in row.split()] for row in FLEISS.strip().replace("\n", "|").split("|")]
    assert fleiss_kappa(fleiss).value == pytest.approx(0.430, abs=5e-4)
    assert fleiss_kappa(WIKIPEDIA).value == pytest.approx(0.210, abs=5e-4)
    assert fleiss_kappa([[3, 0], [0, 3]]).value == 1.0
    assert fleiss_kappa([[3, 0], [3, 0]]).value is None
    with pytest.raises(ValueError, match="same number of raters"):
        fleiss_kappa([[3, 0], [1, 1]])


def raters(rng: np.random.Generator, cases: int, principles: int) -> tuple[np.ndarray, np.ndarray]:
    """Four raters who are right on 4 of 5 cases, on `principles` units a case that share their truth and errors."""
    truth = rng.integers(0, 2, cases)
    votes = np.where(rng.random((cases, 4)) < 0.8, truth[:, None], 1 - truth[:, None])
    return np.repeat(votes, principles, axis=0), np.repeat(np.arange(cases), principles)


def test_for_many_cases_kappa_and_alpha_agree() -> None:
    votes, _ = raters(np.random.default_rng(1), 5000, 1)
    assert fleiss_kappa(label_counts(votes)).value == pytest.approx(krippendorff_alpha(votes).value, abs=1e-3)
    assert fleiss_kappa(label_counts(votes)).value == pytest.approx(0.36, abs=0.02)  # (2 * .8 - 1)^2


def test_the_interval_of_alpha_covers_where_units_of_a_case_go_together() -> None:
    rng = np.random.default_rng(6)
    inside, naive, trials = 0, 0, 120
    for trial in range(trials):
        votes, case = raters(rng, 60, 5)
        one, other = krippendorff_alpha(votes, case, seed=trial), krippendorff_alpha(votes, seed=trial)
        inside += one.low <= 0.36 <= one.high
        naive += other.low <= 0.36 <= other.high
    assert inside / trials >= 0.89
    assert naive / trials < 0.75


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


@pytest.mark.parametrize("equal_mass", [False, True])
def test_the_interval_of_the_calibration_error_covers_what_it_estimates(equal_mass: bool) -> None:
    """Overconfidence of known size, then none at all; five verdicts a case that go together."""
    rng = np.random.default_rng(7)
    inside, from_zero, trials = 0, 0, 100
    for trial in range(trials):
        p, case = rng.choice([0.05, 0.35, 0.65, 0.95], 150).repeat(4), np.arange(150).repeat(4)
        y = rng.random(150).repeat(4) < 0.5 + 0.6 * (p - 0.5)
        found = calibration_error(p, y, equal_mass=equal_mass, clusters=case, seed=trial)
        inside += found.low <= 0.4 * 0.3 <= found.high  # mean |p - .5| is .3
        calm = calibration_error(p, rng.random(150).repeat(4) < p, equal_mass=equal_mass, clusters=case, seed=trial)
        from_zero += calm.low == 0
    assert inside / trials >= 0.88
    assert from_zero / trials >= 0.92


def test_calibration_error_is_the_plain_one_and_brier_a_mean() -> None:
    rng = np.random.default_rng(8)
    p = rng.random(300)
    y = rng.random(300) < p**2
    assert calibration_error(p, y).value == pytest.approx(expected_calibration_error(p, y))
    assert brier_score(p, y).value == pytest.approx(brier(p, y).score)


def test_a_reviewer_that_was_never_wrong_is_not_certain() -> None:
    """60 verdicts in 20 cases, all of them right and sure; 1 - .05^(1/20) of cases could still be wrong."""
    y, case = np.arange(60) % 2, np.arange(60) // 3
    p = np.where(y == 1, 0.999, 0.001)
    for found in (brier_score(p, y, case), calibration_error(p, y, clusters=case)):
        assert found.low <= found.value < 0.01
        assert found.high == pytest.approx(found.value + 1 - 0.05 ** (1 / 20))
    p[0] = 0.9
    assert brier_score(p, y, case).high < 0.1


def test_the_interval_of_the_auroc_covers_also_for_clusters() -> None:
    rng = np.random.default_rng(9)
    truth = 0.7602499389  # Phi(1 / sqrt 2): scores N(0, 1) and N(1, 1)
    inside, naive, trials = 0, 0, 300
    for _ in range(trials):
        y, case = rng.random(240) < 0.4, np.arange(240) // 4
        score = y + np.sqrt(0.7) * rng.normal(size=60).repeat(4) + np.sqrt(0.3) * rng.normal(size=240)
        one = ranking(score, y, case)
        inside += one.low <= truth <= one.high
        alone = ranking(y + rng.normal(size=240), y)
        naive += alone.low <= truth <= alone.high
    assert inside / trials >= 0.91
    assert 0.92 <= naive / trials <= 0.98


def test_a_perfect_ranking_is_not_certain() -> None:
    found = ranking([0.1, 0.2, 0.3, 0.8, 0.9], [0, 0, 0, 1, 1])
    assert found.value == found.high == 1.0
    assert 0 < found.low < 0.7
    upside_down = ranking([0.9, 0.8, 0.1], [0, 0, 1])
    assert upside_down.value == upside_down.low == 0.0
    assert ranking([0.1, 0.2], [1, 1]).value is None


def test_gaps() -> None:
    assert performance_gap_recovered(0.6, 0.75, 0.9) == pytest.approx(0.5)
    assert performance_gap_recovered(0.6, 0.75, 0.6) is None
    assert agent_score_difference([0.8, 0.5], [0.2, 0.5]).value == pytest.approx(np.log(4) / 2)
    assert agent_score_difference([1.0, 0.5], [0.0, 0.5], score="probability").value == pytest.approx(0.5)
    with pytest.raises(ValueError, match="above 0 for log"):
        agent_score_difference([0.0], [1.0])


def test_the_gap_recovered_has_an_interval_only_where_there_is_a_gap() -> None:
    rng = np.random.default_rng(10)
    u = rng.random(2000)
    weak, supervised, ceiling = u < 0.6, u < 0.75, u < 0.9
    found = gap_recovered(weak, supervised, ceiling)
    assert found.value == pytest.approx(performance_gap_recovered(weak.mean(), supervised.mean(), ceiling.mean()))
    # Of the cases in the gap, a share is recovered: nearly a binomial proportion.
    count, n = int((supervised & ~weak).sum()), int((ceiling & ~weak).sum())
    assert (found.low, found.high) == pytest.approx(wilson(count, n), abs=0.004)
    assert gap_recovered(rng.random(200) < 0.5, u[:200] < 0.5, rng.random(200) < 0.5).low is None


def test_the_budget_curve_passes_through_the_control_law() -> None:
    """Honest scores i/100, attack scores .5 + j/100 of which every other succeeds, in any order of cases."""
    score = np.concatenate([np.arange(100) / 100, 0.5 + np.arange(50) / 100])
    attack = np.arange(150) >= 100
    success = attack & (np.arange(150) % 2 == 0)
    order = np.random.default_rng(11).permutation(150)
    found = budget_curve(score[order], attack[order], np.ones(150), success[order])
    safety = [point.safety.value for point in found]
    assert safety == pytest.approx([0, 0.038462, 0.076923, 0.178571, 0.333333, 0.571429, 1], abs=1e-6)
    assert [point.usefulness.value for point in found] == pytest.approx([1, 0.99, 0.98, 0.95, 0.9, 0.8, 0.5])
    assert all(point.safety.low <= point.safety.value <= point.safety.high for point in found)
    assert found[0].safety.high > 0
    assert budget_curve([0.1], [False], [1]) == ()


def test_the_front_is_by_brute_force_with_ties_directions_and_nan() -> None:
    rng = np.random.default_rng(12)
    table = rng.integers(0, 4, (60, 3)).astype(float)
    table[rng.random((60, 3)) < 0.05] = np.nan
    costs = table * [1, -1, 1]
    for i, here in enumerate(front(table, ("lower", "higher", "lower"))):
        beaten = any(bool((other <= costs[i]).all() and (other < costs[i]).any()) for other in costs)
        assert here == (not beaten and not np.isnan(costs[i]).any())
    assert front([[1, 2], [1, 2], [2, 1], [2, 2]]) == [True, True, True, False]
    assert dominators([[1, 2], [1, 2], [2, 1], [2, 2]])[3] == (0, 1, 2)
    assert front([[1.0], [np.nan]]) == [True, False]
    assert dominators([[1.0], [np.nan]]) == [(), ()]
    with pytest.raises(ValueError, match="direction"):
        front([[1.0, 2.0]], ("lower",))
