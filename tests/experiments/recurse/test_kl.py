"""KL estimators against hand computation, and against each other where all answers can be counted."""

from __future__ import annotations

import math
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from experiments.recurse import kl
from training.sampling import Drawn

P = [[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6]]
Q = [[0.2, 0.5, 0.3], [0.3, 0.3, 0.4], [0.1, 0.8, 0.1]]


class Bigram:
    """A model whose next token depends on the last one alone: row t of the table after token t."""

    def __init__(self, table: list[list[float]]) -> None:
        self.logits = torch.tensor(table).log()

    def __call__(self, input_ids: torch.Tensor, **_: Any) -> Any:
        return SimpleNamespace(logits=self.logits[input_ids])


def test_estimators_by_hand() -> None:
    """Two answers: log-ratios (.2, -.1) and (.5, none)."""
    ratio = torch.tensor([[0.2, -0.1], [0.5, 0.0]], dtype=torch.float64)
    np.testing.assert_allclose(kl.k1(ratio), [0.1, 0.5])
    first = (math.exp(-0.2) - 1 + 0.2) + (math.exp(0.1) - 1 - 0.1)
    np.testing.assert_allclose(kl.k3(ratio), [first, math.exp(-0.5) - 0.5])


def test_token_kl_by_hand() -> None:
    """.5 log(.5/.25) + .5 log(.5/.75) of a coin; 0 of a coin against itself."""
    p, q = torch.tensor([[[0.5, 0.5]]]).log(), torch.tensor([[[0.25, 0.75]]]).log()
    expected = 0.5 * math.log(2) + 0.5 * math.log(2 / 3)
    assert float(kl.token_kl(p, q)) == pytest.approx(expected)
    assert float(kl.token_kl(p, p)) == pytest.approx(0, abs=1e-7)


def test_log_ratios_are_of_the_answers_tokens_alone() -> None:
    """An answer (1, 2) after the prompt (0), in a batch with a longer one."""
    short, long = Drawn("", [0], [1, 2]), Drawn("", [2, 0], [0, 0, 1])
    k1, _ = kl.on_policy(Bigram(P), Bigram(Q), [short, long])
    assert k1[0] == pytest.approx(math.log(0.3 / 0.5) + math.log(0.3 / 0.4), rel=1e-6)
    assert k1[1] == pytest.approx(2 * math.log(0.5 / 0.2) + math.log(0.3 / 0.5), rel=1e-6)


def test_both_estimators_are_unbiased_for_the_kl_of_whole_answers() -> None:
    """Over all nine answers of two tokens after token 0, weighted by the policy, each gives the KL of the answers."""
    answers = [Drawn("", [0], list(ids)) for ids in product(range(3), repeat=2)]
    weight = np.array([P[0][a] * P[a][b] for a, b in product(range(3), repeat=2)])
    other = np.array([Q[0][a] * Q[a][b] for a, b in product(range(3), repeat=2)])
    truth = float((weight * np.log(weight / other)).sum())
    k1, k3 = kl.on_policy(Bigram(P), Bigram(Q), answers)
    assert float(weight @ k1) == pytest.approx(truth, rel=1e-5)
    assert float(weight @ k3) == pytest.approx(truth, rel=1e-5)
    assert (k3 >= 0).all()
    assert (k1 < 0).any()
    # Along answers of the policy itself, the exact one has the same mean.
    assert float(weight @ kl.exact(Bigram(P), Bigram(Q), answers)) == pytest.approx(truth, rel=1e-5)


def test_a_policy_is_at_no_distance_from_itself() -> None:
    answers = [Drawn("", [0], [1, 2]), Drawn("", [1], [0])]
    k1, k3 = kl.on_policy(Bigram(P), Bigram(P), answers)
    assert not k1.any()
    assert not k3.any()
    assert not kl.exact(Bigram(P), Bigram(P), answers).any()


def test_temperature_flattens_both_policies() -> None:
    answer = [Drawn("", [0], [0])]
    hot = kl.exact(Bigram(P), Bigram(Q), answer, temperature=2.0)[0]
    p, q = (np.sqrt(row) / np.sqrt(row).sum() for row in (P[0], Q[0]))
    assert hot == pytest.approx(float((p * np.log(p / q)).sum()), rel=1e-5)
