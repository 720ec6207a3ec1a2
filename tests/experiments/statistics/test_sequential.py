"""Looking as often as one likes spends the error rate once."""

from __future__ import annotations

from itertools import pairwise
from math import comb

import numpy as np
import pytest

from experiments.statistics import Watch, confidence_sequence, mcnemar_evidence, mcnemar_of_counts

LOOKS = np.unique(np.geomspace(50, 4000, 40).astype(int))


def null_walks(rng: np.random.Generator, trials: int, discordant: float = 0.2) -> np.ndarray:
    """Differences -1, 0, 1 of two arms that do not differ, [trials, cases]."""
    u = rng.random((trials, int(LOOKS[-1])))
    return (u < discordant / 2).astype(int) - (u > 1 - discordant / 2).astype(int)


def test_evidence_is_the_mixture_likelihood_ratio():
    """By quadrature, and of expectation one under the null."""
    theta = (np.arange(200_000) + 0.5) / 200_000
    assert mcnemar_evidence(7, 2) == pytest.approx(float((theta**7 * (1 - theta) ** 2).mean()) * 2**9)
    assert sum(comb(12, k) / 2**12 * mcnemar_evidence(k, 12 - k) for k in range(13)) == pytest.approx(1.0)
    assert mcnemar_evidence(0, 0) == 1.0
    assert mcnemar_evidence(40_000, 0) == float("inf")
    with pytest.raises(ValueError, match="at least 0"):
        mcnemar_evidence(-1, 0)


def test_under_the_null_any_look_ever_errs_at_most_five_times_in_100_and_naive_looks_do_not():
    rng = np.random.default_rng(31)
    trials, ever, naive = 600, 0, 0
    for walk in null_walks(rng, trials):
        a, b = np.cumsum(walk > 0)[LOOKS - 1].tolist(), np.cumsum(walk < 0)[LOOKS - 1].tolist()
        ever += any(mcnemar_evidence(x, y) >= 20 for x, y in zip(a, b, strict=True))
        naive += any(mcnemar_of_counts(x, y) < 0.05 for x, y in zip(a[::4], b[::4], strict=True))
    assert ever / trials <= 0.05
    assert naive / trials > 0.12


def test_the_confidence_sequence_holds_at_all_looks_at_once():
    """Also for clusters: a case is a prompt of four samples that go together."""
    rng = np.random.default_rng(32)
    for samples in (1, 4):
        trials, misses = 300, 0
        for walk in null_walks(rng, trials, 0.4)[:, : int(LOOKS[-6])]:
            a, b = (np.repeat(walk > 0, samples), np.repeat(walk < 0, samples))
            for look in LOOKS[:-6:3]:
                n = look * samples
                found = confidence_sequence(a[:n], b[:n], np.arange(n) // samples)
                if not found.low <= 0 <= found.high:
                    misses += 1
                    break
        assert misses / trials <= 0.05


def test_a_family_of_true_nulls_is_decided_at_most_at_its_rate():
    rng = np.random.default_rng(33)
    trials, wrong = 250, 0
    for _ in range(trials):
        walks = {name: np.cumsum(w > 0) for name, w in zip("xyz", null_walks(rng, 3), strict=True)}
        others = {name: np.cumsum(w > 0) for name, w in zip("xyz", null_walks(rng, 3), strict=True)}
        watch = Watch(("x", "y", "z"))
        last = [watch.look({n: (int(walks[n][at - 1]), int(others[n][at - 1])) for n in "xyz"}) for at in LOOKS[::3]]
        wrong += bool(last[-1].decided)
    assert wrong / trials <= 0.05


def test_real_differences_are_decided_early_and_stay_decided():
    rng = np.random.default_rng(34)
    better, equal = np.cumsum(rng.random((2, 4000)) < 0.15, axis=1), np.cumsum(rng.random((2, 4000)) < 0.1, axis=1)
    worse = np.cumsum(rng.random(4000) < 0.05)
    watch = Watch(("differs", "equal"))
    looks = [
        watch.look(
            {
                "differs": (int(better[0][at - 1]), int(worse[at - 1])),
                "equal": (int(equal[0][at - 1]), int(equal[1][at - 1])),
            }
        )
        for at in LOOKS
    ]
    decided = ["differs" in look.decided for look in looks]
    assert decided[-1]
    assert decided.index(True) < len(LOOKS) // 2
    assert all(later >= earlier for earlier, later in pairwise(decided))
    assert not looks[-1].done


def test_a_watch_keeps_to_its_family_and_a_sequence_waits():
    with pytest.raises(ValueError, match="the family is x"):
        Watch(("x",)).look({"y": (1, 2)})
    assert confidence_sequence([1, 0] * 10, [0, 0] * 10).low is None
    assert confidence_sequence([], []).value is None
