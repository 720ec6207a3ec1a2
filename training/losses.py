"""The losses, as pure functions of tensors. Shapes: B sequences, T positions, V words, P pairs.

`labels_BT` holds the token id to learn at that position and `IGNORED` where nothing is learnt (prompt, padding).
Position t is predicted from the logits at t - 1, so the label at position 0 never counts.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

IGNORED = -100


class DpoTerms(NamedTuple):
    """The DPO loss (a scalar) and, for logging, the implicit reward margin of each pair, beta * delta [P]."""

    loss: Tensor
    margin_P: Tensor


def token_nll(logits_BTV: Tensor, labels_BT: Tensor) -> Tensor:
    """-log p(label at t | tokens before t), [B, T - 1], in float32; 0 where the label is ignored."""
    predicted = logits_BTV[:, :-1].float()
    wanted = labels_BT[:, 1:]
    flat = F.cross_entropy(
        predicted.reshape(-1, predicted.shape[-1]), wanted.reshape(-1), ignore_index=IGNORED, reduction="none"
    )
    return flat.view(wanted.shape)


def sequence_log_probability(nll_BT: Tensor) -> Tensor:
    """log p(completion | prompt) of each sequence, [B]: the sum (not the mean) over its completion tokens."""
    return -nll_BT.sum(dim=1)


def sft_loss(nll_BT: Tensor, labels_BT: Tensor, weight_B: Tensor | None = None) -> Tensor:
    """Completion-only weighted cross-entropy, a scalar.

    L = sum_i w_i sum_t nll_it / sum_i n_i, with n_i the completion tokens of sequence i that are predicted. The mean
    is over the tokens of the batch, as in `transformers` (Wolf et al. 2020) and TRL. The weights do not enter the
    divisor: a row of weight 1/2 has half the gradient whatever else is in its batch, and with weights of 1 this is
    the textbook cross-entropy. `labels_BT` are the unshifted labels that `token_nll` was given.
    """
    tokens = (labels_BT[:, 1:] != IGNORED).sum().clamp(min=1)
    nll_B = nll_BT.sum(dim=1)
    if weight_B is not None:
        nll_B = nll_B * weight_B
    return nll_B.sum() / tokens


def dpo_loss(
    chosen_P: Tensor,
    rejected_P: Tensor,
    reference_chosen_P: Tensor,
    reference_rejected_P: Tensor,
    beta: float,
    label_P: Tensor | None = None,
    weight_P: Tensor | None = None,
) -> DpoTerms:
    """Direct preference optimisation (Rafailov et al. 2023, eq. 7), with soft labels and a weight per pair.

    With delta = (log pi(chosen) - log ref(chosen)) - (log pi(rejected) - log ref(rejected)) and p the probability
    that `chosen` is the better one (`label_P`; 1 unless given),
    L = mean over pairs of w * (-p log sigmoid(beta delta) - (1 - p) log sigmoid(-beta delta)).
    p < 1 is the conservative DPO of Mitchell (2023). The first four arguments are summed log-probabilities [P] of
    the completions under the model and under the frozen reference. Weights do not enter the divisor.
    """
    margin_P = beta * ((chosen_P - reference_chosen_P) - (rejected_P - reference_rejected_P))
    loss_P = -F.logsigmoid(margin_P)
    if label_P is not None:
        loss_P = label_P * loss_P - (1 - label_P) * F.logsigmoid(-margin_P)
    if weight_P is not None:
        loss_P = loss_P * weight_P
    return DpoTerms(loss_P.mean(), margin_P.detach())


def regularised_dpo_loss(preference: Tensor, supervised: Tensor, sft_weight: float) -> Tensor:
    """DPO with a supervised term on the chosen answers: L = L_dpo + alpha L_sft.

    This is the regularised preference optimisation of Liu et al. (2024, arXiv 2405.16436) and TRL's `rpo_alpha`, with
    `sft_loss` as the second term. Without it, DPO on pairs from violations alone lowers both answers' likelihood and
    drifts into refusing.
    """
    return preference + sft_weight * supervised
