from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from training import losses


def _by_hand(logits: np.ndarray, labels: np.ndarray) -> list[list[float]]:
    """-log softmax(logits[t - 1])[label[t]] for every learnt position, in plain Python."""
    rows = []
    for row, wanted in zip(logits, labels, strict=True):
        found = []
        for t in range(1, len(wanted)):
            if wanted[t] != losses.IGNORED:
                total = sum(math.exp(x) for x in row[t - 1])
                found.append(-math.log(math.exp(row[t - 1][wanted[t]]) / total))
        rows.append(found)
    return rows


@pytest.fixture
def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, size=(3, 5))
    labels[0, :2] = labels[1, :4] = labels[2, :1] = losses.IGNORED
    return rng.normal(size=(3, 5, 7)), labels


def test_sft_loss_is_the_mean_over_completion_tokens(batch: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = batch
    nll = losses.token_nll(torch.tensor(logits), torch.tensor(labels))
    tokens = [value for row in _by_hand(logits, labels) for value in row]
    assert losses.sft_loss(nll, len(tokens)).item() == pytest.approx(sum(tokens) / len(tokens), abs=1e-6)


def test_weights_scale_a_row_and_leave_the_divisor_alone(batch: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = batch
    weights = [1.0, 0.25, 0.5]
    rows = _by_hand(logits, labels)
    tokens = sum(map(len, rows))
    expected = sum(w * sum(row) for w, row in zip(weights, rows, strict=True)) / tokens
    nll = losses.token_nll(torch.tensor(logits), torch.tensor(labels))
    found = losses.sft_loss(nll, tokens, torch.tensor(weights)[:, None])
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_a_sequences_log_probability_is_the_sum_over_its_completion(batch: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = batch
    found = losses.sequence_log_probability(losses.token_nll(torch.tensor(logits), torch.tensor(labels)))
    assert found.tolist() == pytest.approx([-sum(row) for row in _by_hand(logits, labels)], abs=1e-5)


SOFT = pytest.mark.parametrize("soft", [None, [1.0, 0.9, 0.4]])
WEIGHTED = pytest.mark.parametrize("weights", [None, [1.0, 0.5, 0.0]])
CHOSEN, REJECTED = [0.5, -1.0, 0.0], [-1.0, 1.0, -0.5]


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _logistic(difference: float, p: float) -> float:
    return -p * math.log(_sigmoid(difference)) - (1 - p) * math.log(1 - _sigmoid(difference))


def _tensor(values: list[float] | None) -> torch.Tensor | None:
    return None if values is None else torch.tensor(values)


def _rows(soft: list[float] | None, weights: list[float] | None) -> list[tuple[float, float, float, float]]:
    return list(zip(CHOSEN, REJECTED, soft or [1.0] * 3, weights or [1.0] * 3, strict=True))


@SOFT
@WEIGHTED
def test_dpo_loss_is_the_papers_formula(soft: list[float] | None, weights: list[float] | None) -> None:
    expected = [w * _logistic(0.3 * (c - r), p) for c, r, p, w in _rows(soft, weights)]
    found = losses.dpo_loss(torch.tensor(CHOSEN), torch.tensor(REJECTED), 0.3, _tensor(soft), _tensor(weights))
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


def test_dpo_of_the_reference_itself_is_log_two() -> None:
    same = losses.log_ratio(torch.tensor([-3.0, -7.0]), torch.tensor([-3.0, -7.0]))
    assert losses.dpo_loss(same, same, 0.1).tolist() == pytest.approx([math.log(2)] * 2, abs=1e-6)


@SOFT
@WEIGHTED
def test_ipo_loss_is_the_papers_formula(soft: list[float] | None, weights: list[float] | None) -> None:
    expected = [w * (c - r - (2 * p - 1) / 0.6) ** 2 for c, r, p, w in _rows(soft, weights)]
    found = losses.ipo_loss(torch.tensor(CHOSEN), torch.tensor(REJECTED), 0.3, _tensor(soft), _tensor(weights))
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


def test_ipo_with_a_soft_label_has_the_gradient_of_its_expectation_over_which_answer_is_better() -> None:
    gradients = []
    for soft in (True, False):
        chosen = torch.tensor(CHOSEN, requires_grad=True)
        rejected, p = torch.tensor(REJECTED), 0.7
        if soft:
            loss = losses.ipo_loss(chosen, rejected, 0.3, torch.full((3,), p))
        else:
            loss = p * losses.ipo_loss(chosen, rejected, 0.3) + (1 - p) * losses.ipo_loss(rejected, chosen, 0.3)
        loss.sum().backward()
        gradients.append(chosen.grad)
    assert torch.allclose(*gradients, atol=1e-6)


@WEIGHTED
def test_kto_loss_is_the_papers_formula(weights: list[float] | None) -> None:
    ratios, desirable, z = [0.5, -1.0, 2.0], [True, False, False], 0.25
    expected = [
        w * (2.0 * (1 - _sigmoid(0.3 * (x - z))) if good else 0.5 * (1 - _sigmoid(0.3 * (z - x))))
        for x, good, w in zip(ratios, desirable, weights or [1.0] * 3, strict=True)
    ]
    found = losses.kto_loss(torch.tensor(ratios), torch.tensor(desirable), z, 0.3, 2.0, 0.5, _tensor(weights))
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


def test_ktos_reference_point_is_never_negative_and_has_no_gradient() -> None:
    mean = torch.tensor(-0.5, requires_grad=True)
    found = losses.kto_divergence(mean)
    assert found.item() == 0
    assert not found.requires_grad
    assert losses.kto_divergence(torch.tensor(0.5)).item() == 0.5


@SOFT
@WEIGHTED
@pytest.mark.parametrize("margins", [None, [0.5, 0.0, 1.0]])
@pytest.mark.parametrize("centring", [0.0, 0.1])
def test_reward_loss_is_bradley_terry_with_margin_and_centring(
    soft: list[float] | None, weights: list[float] | None, margins: list[float] | None, centring: float
) -> None:
    expected = [
        w * (_logistic(c - r - m, p) + centring * (c + r) ** 2)
        for (c, r, p, w), m in zip(_rows(soft, weights), margins or [0.0] * 3, strict=True)
    ]
    chosen, rejected = torch.tensor(CHOSEN), torch.tensor(REJECTED)
    found = losses.reward_loss(chosen, rejected, _tensor(soft), _tensor(weights), _tensor(margins), centring)
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


def test_an_advantage_is_against_the_mean_of_the_other_samples() -> None:
    found = losses.leave_one_out(torch.tensor([[1.0, 2.0, 6.0], [0.0, 0.0, 0.0]]))
    assert found.tolist() == [pytest.approx([1 - 4, 2 - 3.5, 6 - 1.5]), [0.0, 0.0, 0.0]]


def test_an_answer_without_a_reward_is_neither_praised_nor_blamed() -> None:
    nan = float("nan")
    found = losses.leave_one_out(torch.tensor([[1.0, nan, 6.0], [nan, 2.0, nan], [nan, nan, nan]]))
    assert found.tolist() == [[-5.0, 0.0, 5.0], [0.0] * 3, [0.0] * 3]


def test_the_gradient_of_reinforce_is_the_advantage_times_that_of_the_log_probability() -> None:
    log_probability = torch.tensor([-2.0, -3.0], requires_grad=True)
    advantage = torch.tensor([0.5, -1.5], requires_grad=True)
    losses.reinforce_loss(log_probability, advantage).sum().backward()
    assert advantage.grad is None, "what was earned is not learnt from"
    assert log_probability.grad is not None
    assert log_probability.grad.tolist() == [-0.5, 1.5]
