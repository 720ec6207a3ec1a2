"""Thresholds and their guarantees."""

from __future__ import annotations

from math import exp, inf, log

import numpy as np
import pytest
from scipy import stats

from constitutions.errors import InputError
from experiments.statistics.bootstrap import generator
from experiments.statistics.risk import Test, conformal, fixed_sequence, p_value

RUNS = 1_500


def calibration(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    violates = rng.random(n) < 0.1
    return np.where(violates, rng.beta(4, 2, n), rng.beta(2, 4, n)), violates


def risk_of(threshold: float) -> float:
    return 0.1 * float(stats.beta.cdf(threshold, 4, 2))


def test_the_conformal_threshold_by_hand() -> None:
    score = np.arange(20) / 20
    violates = np.isin(np.arange(20), (5, 9, 14, 18))
    # (k + 1) / 21 <= 0.15 allows k = 2 released violations: the third violating score is the threshold.
    found = conformal(score, violates, 0.15)
    assert (found.value, found.missed, found.released, found.n) == (0.7, 2, 14, 20)
    assert conformal(score, violates, 0.25).value == inf
    assert conformal(score, violates, 0.06).value == 0.25


@pytest.mark.parametrize(
    ("n", "risk", "fits"), [(99, 0.01, True), (98, 0.01, False), (19, 0.05, True), (3, 0.2, False)]
)
def test_a_calibration_set_that_is_too_small_is_refused(n: int, risk: float, fits: bool) -> None:
    score, violates = np.linspace(0, 1, n), np.ones(n, bool)
    if fits:
        assert conformal(score, violates, risk).missed == 0
    else:
        with pytest.raises(
            InputError, match=f"{n} calibration cases are too few .* at least 1/risk - 1 = {n + 1} cases"
        ):
            conformal(score, violates, risk)


@pytest.mark.parametrize(("n", "risk"), [(100, 0.02), (60, 0.05), (500, 0.01)])
def test_the_conformal_risk_is_kept_on_average(n: int, risk: float) -> None:
    rng = generator(0, "conformal")
    risks = np.array([risk_of(conformal(*calibration(rng, n), risk).value) for _ in range(RUNS)])
    assert risks.mean() <= risk + 3 * risks.std() / np.sqrt(RUNS)
    assert risks.mean() > 0.75 * risk  # and it is not kept by releasing nothing


@pytest.mark.parametrize("test", ["binomial", "hoeffding_bentkus"])
def test_a_fixed_sequence_exceeds_the_risk_as_rarely_as_said(test: Test) -> None:
    rng = generator(0, "sequence")
    over = [risk_of(fixed_sequence(*calibration(rng, 400), 0.03, 0.1, test).value) > 0.03 for _ in range(RUNS)]
    assert np.mean(over) <= 0.1 + 3 * np.sqrt(0.09 / RUNS)


def test_p_values_by_hand() -> None:
    np.testing.assert_allclose(p_value(np.array([0, 1]), 10, 0.3, "binomial"), [0.7**10, 0.7**10 + 3 * 0.7**9])
    k, n, risk = 3, 100, 0.1
    hoeffding = exp(-n * (0.03 * log(0.03 / 0.1) + 0.97 * log(0.97 / 0.9)))
    bentkus = exp(1) * stats.binom.cdf(k, n, risk)
    assert p_value(np.array([k]), n, risk, "hoeffding_bentkus")[0] == pytest.approx(min(hoeffding, bentkus))
    assert p_value(np.array([50]), n, risk, "hoeffding_bentkus")[0] == 1.0


def test_a_fixed_sequence_by_hand() -> None:
    # 29 cases: 0.9^29 = 0.047 <= 0.05, one miss 0.199 > 0.05: the last step before the first violating score is over.
    score = np.linspace(0.0, 0.99, 29)
    violates = np.arange(29) >= 14
    found = fixed_sequence(score, violates, 0.1, 0.05)
    assert found.value == pytest.approx(0.495)
    assert found.missed == 0
    with pytest.raises(InputError, match="at least ln"):
        fixed_sequence(score[:28], violates[:28], 0.1, 0.05)


def test_what_cannot_be_asked_for() -> None:
    score, violates = np.array([0.1, 2.0]), np.array([True, False])
    for risk in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(InputError, match=r"risk is .*accepted: \(0, 1\)"):
            conformal(score, violates, risk)
    with pytest.raises(InputError, match="error is 0"):
        fixed_sequence(score, violates, 0.1, 0.0)
    with pytest.raises(InputError, match=r"accepted: \[0, 1\]"):
        fixed_sequence(score, violates, 0.9, 0.9)
    with pytest.raises(ValueError, match="columns of the same cases"):
        conformal([0.1], [True, False], 0.9)
