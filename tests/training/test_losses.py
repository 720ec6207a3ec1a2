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
    assert losses.sft_loss(nll, torch.tensor(labels)).item() == pytest.approx(sum(tokens) / len(tokens), abs=1e-6)


def test_weights_scale_a_row_and_leave_the_divisor_alone(batch: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = batch
    weights = [1.0, 0.25, 0.5]
    rows = _by_hand(logits, labels)
    expected = sum(w * sum(row) for w, row in zip(weights, rows, strict=True)) / sum(map(len, rows))
    nll = losses.token_nll(torch.tensor(logits), torch.tensor(labels))
    assert losses.sft_loss(nll, torch.tensor(labels), torch.tensor(weights)).item() == pytest.approx(expected, abs=1e-6)


def test_a_sequences_log_probability_is_the_sum_over_its_completion(batch: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = batch
    found = losses.sequence_log_probability(losses.token_nll(torch.tensor(logits), torch.tensor(labels)))
    assert found.tolist() == pytest.approx([-sum(row) for row in _by_hand(logits, labels)], abs=1e-5)


@pytest.mark.parametrize("soft", [None, [1.0, 0.9, 0.4]])
@pytest.mark.parametrize("weights", [None, [1.0, 0.5, 0.0]])
def test_dpo_loss_is_the_papers_formula(soft: list[float] | None, weights: list[float] | None) -> None:
    beta, chosen, rejected = 0.3, [-4.0, -9.0, -2.0], [-5.0, -3.0, -2.5]
    reference_chosen, reference_rejected = [-4.5, -8.0, -2.0], [-4.0, -4.0, -2.0]
    terms = []
    for i in range(3):
        z = beta * ((chosen[i] - reference_chosen[i]) - (rejected[i] - reference_rejected[i]))
        sigmoid = 1 / (1 + math.exp(-z))
        p, w = (soft or [1.0] * 3)[i], (weights or [1.0] * 3)[i]
        terms.append(w * (-p * math.log(sigmoid) - (1 - p) * math.log(1 - sigmoid)))
    found = losses.dpo_loss(
        *(torch.tensor(x) for x in (chosen, rejected, reference_chosen, reference_rejected)),
        beta=beta,
        label_P=None if soft is None else torch.tensor(soft),
        weight_P=None if weights is None else torch.tensor(weights),
    )
    assert found.loss.item() == pytest.approx(sum(terms) / 3, abs=1e-6)
    assert found.margin_P[0].item() == pytest.approx(0.3 * (0.5 - -1.0), abs=1e-6)


def test_dpo_of_the_reference_itself_is_log_two() -> None:
    same = torch.tensor([-3.0, -7.0])
    assert losses.dpo_loss(same, same, same, same, 0.1).loss.item() == pytest.approx(math.log(2), abs=1e-6)


def test_the_supervised_term_enters_with_its_weight() -> None:
    assert losses.regularised_dpo_loss(torch.tensor(0.5), torch.tensor(2.0), 0.25).item() == pytest.approx(1.0)
