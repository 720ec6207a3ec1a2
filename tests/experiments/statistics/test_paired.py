"""Intervals and tests against published and hand-computed numbers, and their coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.statistics import (
    clopper_pearson,
    compare,
    holm,
    mcnemar,
    paired_difference,
    proportion,
    ratio_of_means,
    variance_ratio,
    wilson,
    with_holm,
)

# Newcombe (1998), "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, table I.
NEWCOMBE = [
    (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
    (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
    (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
    (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
]


@pytest.mark.parametrize(("count", "n", "score", "exact"), NEWCOMBE)
def test_share_intervals_equal_newcombes_table(count, n, score, exact):
    assert wilson(count, n) == pytest.approx(score, abs=5e-5)
    assert clopper_pearson(count, n) == pytest.approx(exact, abs=5e-5)


def test_share_of_nothing_is_unknown_not_zero():
    assert wilson(0, 0) == clopper_pearson(0, 0) == (0.0, 1.0)
    assert proportion([]).value is None


def test_share_interval_touches_its_ends_exactly():
    assert wilson(0, 7)[0] == 0.0
    assert wilson(7, 7)[1] == 1.0


def test_share_refuses_impossible_counts():
    with pytest.raises(ValueError, match="count 3 and n 2"):
        wilson(3, 2)


def test_proportion_counts_flags_and_takes_counts():
    assert proportion([True, False, True, True]) == proportion(3, 4)
    assert proportion(3, 4).value == 0.75


def test_mcnemar_equals_the_binomial_sum_by_hand():
    a, b = [1] * 2 + [0] * 8 + [1] * 5 + [0] * 5, [0] * 2 + [1] * 8 + [1] * 5 + [0] * 5
    by_hand = 2 * sum(math.comb(10, i) for i in range(3)) / 2**10
    assert mcnemar(a, b) == (2, 8, pytest.approx(by_hand))
    assert by_hand == 0.109375


def test_mcnemar_without_discordant_cases_says_nothing():
    assert mcnemar([1, 0, 1], [1, 0, 1]) == (0, 0, 1.0)


def test_holm_equals_a_hand_computation_and_keeps_the_order_given():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.6, 0.9]) == (1.0, 1.0)
    assert holm([]) == ()
    with pytest.raises(ValueError, match="0 to 1"):
        holm([1.2])


def test_paired_difference_is_independent_of_case_order_and_keyed_by_seed():
    rng = np.random.default_rng(1)
    a, b = rng.random(80) < 0.5, rng.random(80) < 0.3
    order = rng.permutation(80)
    assert paired_difference(a, b, seed=4) == paired_difference(a[order], b[order], seed=4)
    assert paired_difference(a, b, seed=4) != paired_difference(a, b, seed=5)


def test_paired_difference_agrees_with_the_normal_interval_on_many_cases():
    rng = np.random.default_rng(2)
    a, b = rng.random(4000) < 0.4, rng.random(4000) < 0.35
    d = a.astype(float) - b
    half = 1.96 * d.std(ddof=1) / math.sqrt(d.size)
    found = paired_difference(a, b)
    assert found.value == pytest.approx(d.mean())
    assert (found.low, found.high) == pytest.approx((d.mean() - half, d.mean() + half), abs=0.002)


def test_repeating_every_case_in_its_cluster_adds_no_evidence():
    rng = np.random.default_rng(3)
    a, b = rng.random(60) < 0.5, rng.random(60) < 0.3
    once = paired_difference(a, b, clusters=np.arange(60))
    repeated = paired_difference(np.repeat(a, 5), np.repeat(b, 5), clusters=np.repeat(np.arange(60), 5))
    naive = paired_difference(np.repeat(a, 5), np.repeat(b, 5))
    assert (repeated.low, repeated.high) == pytest.approx((once.low, once.high), abs=1e-12)
    assert naive.high - naive.low < 0.6 * (once.high - once.low)


def test_equal_arms_are_not_reported_as_certain():
    same = paired_difference([1, 0, 0, 1] * 10, [1, 0, 0, 1] * 10)
    assert same.value == 0
    assert same.high == pytest.approx(1 - 0.05 ** (1 / 40))
    assert same.low == -same.high


def test_ratio_of_means_without_events_after_keeps_an_upper_bound():
    ratio = ratio_of_means([0] * 50, [1] * 25 + [0] * 25)
    assert ratio.value == ratio.low == 0
    assert ratio.high == pytest.approx((1 - 0.025 ** (1 / 50)) / 0.5)


def test_ratio_of_means_without_events_before_is_undefined():
    assert ratio_of_means([1, 0], [0, 0]).value is None


def test_ratio_of_means_equals_the_delta_method_on_many_cases():
    rng = np.random.default_rng(5)
    before, after = rng.random(5000) < 0.6, rng.random(5000) < 0.12
    found = ratio_of_means(after, before)
    error = math.sqrt((1 - after.mean()) / after.sum() + (1 - before.mean()) / before.sum())
    assert found.value == pytest.approx(after.mean() / before.mean())
    assert found.low == pytest.approx(found.value * math.exp(-1.96 * error), rel=0.02)
    assert found.high == pytest.approx(found.value * math.exp(1.96 * error), rel=0.02)


def test_nan_is_refused_because_missing_is_not_zero():
    with pytest.raises(ValueError, match="not measured under both"):
        paired_difference([1.0, math.nan], [0.0, 1.0])


def test_clusters_need_a_name_per_case():
    with pytest.raises(ValueError, match="2 cluster names for 3 cases"):
        paired_difference([1, 0, 0], [0, 1, 0], clusters=[1, 2])


@pytest.mark.parametrize("statistic", ["difference", "ratio"])
def test_bootstrap_intervals_cover_the_truth_about_95_times_in_100(statistic):
    rng = np.random.default_rng(11)
    p, q, n, trials = 0.5, 0.2, 150, 300
    inside = 0
    for trial in range(trials):
        shared = rng.random(n)
        own = np.where(rng.random(n) < 0.5, shared, rng.random(n))
        a, b = own < q, shared < p
        if statistic == "difference":
            found, truth = paired_difference(a, b, seed=trial, resamples=800), q - p
        else:
            found, truth = ratio_of_means(a, b, seed=trial, resamples=800), q / p
        inside += found.low <= truth <= found.high
    assert 0.91 <= inside / trials <= 0.985


def test_compare_holds_difference_discordant_cases_and_test_together():
    a, b = np.array([1, 1, 1, 0, 0, 0, 1, 0]), np.array([0, 0, 1, 0, 0, 1, 0, 0])
    found = compare("panel against layers", ("panel", "layers"), "missed_violations", a, b, planned=True)
    assert found.difference.value == pytest.approx(0.25)
    assert (found.only_a, found.only_b, found.n) == (3, 1, 8)
    assert found.p == pytest.approx(0.625)
    assert found.planned


def test_compare_of_numbers_has_no_test_for_flags():
    found = compare("minutes", ("x", "y"), "human_minutes", [0.5, 2.0, 1.0], [0.0, 1.0, 1.0])
    assert (found.only_a, found.only_b, found.p) == (None, None, None)


def test_holm_is_applied_over_the_comparisons_that_were_tested():
    flags = [1, 1, 1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1]
    tested = compare("t", ("x", "y"), "missed_violations", *flags)
    untested = compare("u", ("x", "y"), "human_minutes", [0.5, 2.0], [0.0, 1.0])
    first, second, third = with_holm([tested, untested, tested])
    assert first.p_holm == third.p_holm == pytest.approx(2 * tested.p)
    assert second.p_holm is None


def test_pairing_on_common_random_numbers_narrows_the_difference():
    rng = np.random.default_rng(0)
    shared = rng.random(2000)
    assert variance_ratio(shared < 0.5, shared < 0.45) > 5
    assert variance_ratio(rng.random(2000) < 0.5, rng.random(2000) < 0.45) == pytest.approx(1, abs=0.1)


def test_a_ratio_that_no_case_changes_is_not_certain() -> None:
    """40 cases, half of them with the event, the same before and after: 1 - .05^(1/40) of cases could yet differ."""
    flags = np.arange(40) % 2
    found, unseen = ratio_of_means(flags, flags), 1 - 0.05 ** (1 / 40)
    assert found.value == 1
    assert (found.low, found.high) == pytest.approx((1 - unseen / 0.5, 1 + unseen / 0.5))
    everywhere = ratio_of_means(np.ones(40), np.ones(40))
    assert (everywhere.low, everywhere.high) == pytest.approx((1 - unseen, 1))  # a share cannot exceed 1
