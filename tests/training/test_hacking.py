from __future__ import annotations

import math
from itertools import combinations, pairwise

import numpy as np
import pytest

from training.hacking import best_of_n_curve, best_of_n_kl, parting


def test_best_of_n_counts_every_subset() -> None:
    rng = np.random.default_rng(0)
    proxy, oracle = rng.normal(size=(2, 6)), rng.normal(size=(2, 6))
    for point in best_of_n_curve(proxy, oracle, [1, 2, 4, 6]):
        for p in range(2):
            best = [max(subset, key=lambda i, p=p: proxy[p, i]) for subset in combinations(range(6), point.strength)]
            assert point.proxy_P[p] == pytest.approx(np.mean(proxy[p, best]))
            assert point.oracle_P[p] == pytest.approx(np.mean(oracle[p, best]))


def test_an_answer_without_a_proxy_score_is_never_the_best_of_those_with_one() -> None:
    proxy, oracle = np.array([[np.nan, 1.0, 2.0]]), np.array([[100.0, 1.0, 5.0]])
    (point,) = best_of_n_curve(proxy, oracle, [3])
    assert (point.proxy, point.oracle) == (2.0, 5.0)


def test_the_kl_of_best_of_n_is_that_of_distinct_answers() -> None:
    """By sampling: the maximum of n uniforms has density n u^(n - 1), whose KL to the uniform is the formula."""
    u = (np.arange(200_000) + 0.5) / 200_000
    for n in (1, 4, 16):
        density = n * u ** (n - 1)
        assert best_of_n_kl(n) == pytest.approx(float(np.mean(density * np.log(density))), abs=1e-3)
    assert best_of_n_kl(1) == 0


def test_an_overoptimised_proxy_parts_from_the_oracle_where_theory_puts_it() -> None:
    """Proxy x, oracle x - x^2 / 4 + noise: the oracle is best at x = 2, which the best of about 40 normals reaches."""
    rng = np.random.default_rng(1)
    proxy = rng.normal(size=(400, 256))
    oracle = proxy - proxy**2 / 4 + 0.5 * rng.normal(size=proxy.shape)
    points = best_of_n_curve(proxy, oracle, [1, 2, 4, 8, 16, 32, 64, 128, 256])
    assert all(a.proxy < b.proxy for a, b in pairwise(points))
    found = parting(points)
    assert found is not None
    assert found.strength in (16, 32, 64)
    assert found.kl == pytest.approx(math.log(found.strength) - 1 + 1 / found.strength)
    assert found.proxy > 0 > found.oracle


def test_a_proxy_that_stays_with_the_oracle_never_parts() -> None:
    rng = np.random.default_rng(2)
    proxy = rng.normal(size=(200, 64))
    points = best_of_n_curve(proxy, proxy + rng.normal(size=proxy.shape), [1, 4, 16, 64])
    assert parting(points) is None
