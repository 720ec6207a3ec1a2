"""Cases that belong together: coverage of the cluster intervals, grouping, closed forms, design effects."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from experiments.statistics import (
    bootstrap_estimate,
    design_effect,
    effective_size,
    mcnemar_of_counts,
    mean_estimate,
    paired_difference,
    proportion,
    variance_ratio,
)


def prompts(rng: np.random.Generator, count: int, samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two arms on `count` prompts with several samples each; samples of a prompt share its difficulty."""
    hard = np.repeat(rng.random(count), samples)
    own = rng.random((2, count * samples))
    return own[0] < 0.15 + 0.5 * hard, own[1] < 0.05 + 0.4 * hard, np.repeat(np.arange(count), samples)


def test_clusters_of_samples_are_covered_and_ignoring_them_is_not_enough():
    """Truth: .40 - .25. A prompt's difference varies by prompt, strongly (here through a shared coin)."""
    rng = np.random.default_rng(21)
    inside = {"clusters": 0, "cases": 0}
    trials = 250
    for trial in range(trials):
        coin = np.repeat(rng.random(60) < 0.15, 6)
        base = np.repeat(rng.random(60) < 0.25, 6)
        a, b, who = base | coin, base & ~coin, np.repeat(np.arange(60), 6)
        truth = (1 - 0.75 * 0.85) - 0.25 * 0.85
        for kind, clusters in (("clusters", who), ("cases", None)):
            found = paired_difference(a, b, clusters, seed=trial, resamples=600)
            inside[kind] += found.low <= truth <= found.high
    assert 0.91 <= inside["clusters"] / trials <= 0.985
    assert inside["cases"] / trials < 0.75


def test_the_closed_form_for_means_covers_and_agrees_with_the_t_interval():
    rng = np.random.default_rng(22)
    values = rng.exponential(3.0, 40)
    found = mean_estimate(values)
    low, high = stats.t.interval(0.95, 39, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))
    inside = 0
    for _ in range(800):
        effect = np.repeat(rng.normal(size=50), 4)
        one = mean_estimate(2.0 + effect + rng.normal(size=200), np.repeat(np.arange(50), 4))
        inside += one.low <= 2.0 <= one.high
    assert inside / 800 == pytest.approx(0.95, abs=0.025)


def test_means_of_nothing_of_one_cluster_and_of_nan():
    assert mean_estimate([]).value is None
    assert (mean_estimate([1.0, 3.0], ["p", "p"]).value, mean_estimate([1.0, 3.0], ["p", "p"]).low) == (2.0, None)
    assert mean_estimate([8, 8, 8]).high == 8
    with pytest.raises(ValueError, match="NaN"):
        mean_estimate([np.nan])


def test_putting_clusters_into_groups_leaves_the_interval_as_it_is():
    rng = np.random.default_rng(23)
    columns = np.column_stack([np.rint(rng.exponential(1e6, 6000)), np.ones(6000)])
    ratio = lambda sums: sums[:, 0] / sums[:, 1]  # noqa: E731
    grouped = bootstrap_estimate(columns, ratio, resamples=2000)
    half = 1.96 * columns[:, 0].std() / np.sqrt(6000)
    assert grouped.high - grouped.low == pytest.approx(2 * half, rel=0.12)
    assert grouped == bootstrap_estimate(columns[rng.permutation(6000)], ratio, resamples=2000)


def test_the_variance_ratio_of_clusters_is_that_of_their_means():
    """Against the variance of the difference over fresh replications of the whole experiment."""
    rng = np.random.default_rng(24)
    drawn = [prompts(rng, 40, 5) for _ in range(1500)]
    means = np.array([(a.mean(), b.mean()) for a, b, _ in drawn])
    measured = means.var(axis=0).sum() / (means[:, 0] - means[:, 1]).var()
    told = np.mean([variance_ratio(a, b, who) for a, b, who in drawn[:300]])
    assert told == pytest.approx(measured, rel=0.1)
    assert np.mean([variance_ratio(a, b) for a, b, _ in drawn[:300]]) < 0.8 * told


def test_the_design_effect_is_kishs():
    rng = np.random.default_rng(25)
    effect, own = np.repeat(rng.normal(size=4000), 5), rng.normal(size=20_000)
    values = np.sqrt(0.3) * effect + np.sqrt(0.7) * own
    assert design_effect(values, np.repeat(np.arange(4000), 5)) == pytest.approx(1 + 4 * 0.3, rel=0.08)
    assert design_effect([1, 1], [0, 1]) == 1.0


def test_shares_of_samples_are_covered_and_ignoring_their_prompts_is_not_enough():
    """Violations come in hard prompts: five samples each of 50, 20 % of all."""
    rng = np.random.default_rng(26)
    inside, ignored, trials = 0, 0, 1000
    prompt = np.repeat(np.arange(50), 5)
    for _ in range(trials):
        flags = rng.random(250) < rng.beta(0.2, 0.8, 50)[prompt]
        found, alone = proportion(flags, clusters=prompt), proportion(flags)
        assert (found.count, found.n) == (alone.count, alone.n)
        inside += found.low <= 0.2 <= found.high
        ignored += alone.low <= 0.2 <= alone.high
    assert 0.92 <= inside / trials <= 0.985
    assert ignored / trials < 0.8


def test_a_share_of_clusters_of_one_is_wilsons_and_flags_that_never_vary_count_once_a_cluster():
    flags = np.arange(40) % 3 == 0
    assert proportion(flags, clusters=np.arange(40)) == proportion(flags)
    assert effective_size(np.zeros(40, bool), np.arange(40) // 4) == 10
    never = proportion(np.zeros(40, bool), clusters=np.arange(40) // 4)
    assert (never.count, never.n, never.high) == (0, 40, proportion(0, 10).high)


def test_mid_p_takes_half_of_what_was_seen():
    """Fagerland, Lydersen and Laake (2013), bronchial hyper-responsiveness: 1 and 7 discordant pairs."""
    assert mcnemar_of_counts(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar_of_counts(1, 7, mid_p=True) == pytest.approx(0.0391, abs=5e-5)
    assert mcnemar_of_counts(0, 0, mid_p=True) == 1.0
