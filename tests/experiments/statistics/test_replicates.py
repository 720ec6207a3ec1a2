"""The mean over few replicates: by hand, and how often its interval holds the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from agents.figures import Estimate
from experiments.statistics import mean_of_replicates, proportion

NOBODY_KNOWS = Estimate(value=None, low=None, high=None)


def part(value: float, half: float) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half)


def test_replicates_that_differ_give_the_t_interval_of_their_values() -> None:
    found = mean_of_replicates([part(0.1, 0.01), part(0.2, 0.01), part(0.6, 0.01)])
    low, high = stats.t.interval(0.95, 2, loc=0.3, scale=stats.sem([0.1, 0.2, 0.6]))
    assert found.value == pytest.approx(0.3)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_replicates_that_agree_are_no_surer_than_their_cases_allow() -> None:
    """Three equal values, each ± .03: their mean is ± .03 / sqrt(3)."""
    found = mean_of_replicates([part(0.2, 0.03)] * 3)
    assert (found.low, found.high) == pytest.approx((0.2 - 0.03 / np.sqrt(3), 0.2 + 0.03 / np.sqrt(3)))


def test_ends_stay_within_what_can_be() -> None:
    found = mean_of_replicates([part(0.0, 0.01), part(0.9, 0.01)], floor=0, ceiling=1)
    assert (found.low, found.high) == (0, 1)


def test_what_was_not_measured_is_left_out_and_one_replicate_has_no_interval() -> None:
    parts = [part(0.1, 0.02), NOBODY_KNOWS, part(0.3, 0.02)]
    assert mean_of_replicates(parts) == mean_of_replicates([parts[0], parts[2]])
    assert mean_of_replicates([parts[0], NOBODY_KNOWS]) == Estimate(value=0.1, low=None, high=None)
    assert mean_of_replicates([NOBODY_KNOWS]) == NOBODY_KNOWS
    assert mean_of_replicates([Estimate(value=0.0, low=None, high=None)] * 3).low is None


@pytest.mark.parametrize(("replicates", "spread"), [(3, 0.0), (3, 0.02), (3, 0.05), (2, 0.05), (5, 0.05)])
def test_its_interval_holds_the_truth_as_often_as_it_says(replicates: int, spread: float) -> None:
    """Shares of 240 prompts around .1, trainings apart by `spread`: at least 95 % of intervals hold the mean, less
    three standard errors of the simulation. An interval over prompts alone, of one training, holds it far less often
    as soon as trainings differ."""
    rng, times, n = np.random.default_rng(replicates), 1000, 240
    shares = np.clip(rng.normal(0.1, spread, (times, replicates)), 0, 1)
    truth = np.clip(rng.normal(0.1, spread, 400_000), 0, 1).mean()
    counts = rng.binomial(n, shares)
    told = [proportion(k, n) for k in range(n + 1)]
    of_count = [Estimate(value=one.value, low=one.low, high=one.high) for one in told]
    found = [mean_of_replicates([of_count[k] for k in row], 0, 1) for row in counts]
    held = np.mean([one.low <= truth <= one.high for one in found])
    alone = np.mean([of_count[row[0]].low <= truth <= of_count[row[0]].high for row in counts])
    assert held >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / times)
    assert spread < 0.05 or alone < 0.7
