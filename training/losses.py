"""The losses, as pure functions of tensors. Shapes: B sequences, T positions, V words, P pairs.

`labels_BT` holds the token id to learn at that position and `IGNORED` where nothing is learnt (prompt, padding).
Position t is predicted from the logits at t - 1, so the label at position 0 never counts. The losses of preferences
are given per row, already times the row's weight; an objective takes their mean over the rows of the whole batch, so
that weights never enter a divisor: a row of weight 1/2 has half the gradient whatever else is in its batch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -100


def token_nll(logits_BTV: Tensor, labels_BT: Tensor) -> Tensor:
    """-log p(label at t | tokens before t), [B, T - 1], in float32; 0 where the label is ignored."""
    predicted = logits_BTV[:, :-1].float()
    wanted = labels_BT[:, 1:]
    flat = F.cross_entropy(
        predicted.reshape(-1, predicted.shape[-1]), wanted.reshape(-1), ignore_index=IGNORED, reduction="none"
    )
    return flat.view(wanted.shape)


def predicted(logits_BTV: Tensor, labels_BT: Tensor) -> Tensor:
    """The logits at the positions whose next token is learnt, [N, V], row after row."""
    return logits_BTV[:, :-1][labels_BT[:, 1:] != IGNORED]


def sequence_log_probability(nll_BT: Tensor) -> Tensor:
    """log p(completion | prompt) of each sequence, [B]: the sum (not the mean) over its completion tokens."""
    return -nll_BT.sum(dim=1)


def sft_loss(nll_BT: Tensor, tokens: Tensor | float, weight: Tensor | None = None) -> Tensor:
    """Completion-only weighted cross-entropy, a scalar.

    L = sum_i w_i sum_t nll_it / sum_i n_i, with n_i the completion tokens of sequence i that are predicted; `tokens`
    is the divisor. The mean is over the tokens of the batch, as in `transformers` (Wolf et al. 2020) and TRL; with
    weights of 1 this is the textbook cross-entropy. `weight` broadcasts to `nll_BT`: [B, 1] for a weight per row,
    [B, T - 1] for packed rows.
    """
    return (nll_BT if weight is None else nll_BT * weight).sum() / tokens


def log_ratio(log_probability_B: Tensor, reference_B: Tensor) -> Tensor:
    """log pi(completion) - log ref(completion), [B]: how far the model has moved from the reference on a completion."""
    return log_probability_B - reference_B


def dpo_loss(
    chosen_P: Tensor, rejected_P: Tensor, beta: float, label_P: Tensor | None = None, weight_P: Tensor | None = None
) -> Tensor:
    """Direct preference optimisation (Rafailov et al. 2023, eq. 7), with soft labels and a weight per pair, [P].

    With delta = chosen - rejected (two `log_ratio`s) and p the probability that `chosen` is the better one
    (`label_P`; 1 unless given), L = w * (-p log sigmoid(beta delta) - (1 - p) log sigmoid(-beta delta)).
    p < 1 is the conservative DPO of Mitchell (2023).
    """
    return _weighted(_soft_logistic(beta * (chosen_P - rejected_P), label_P), weight_P)


def ipo_loss(
    chosen_P: Tensor, rejected_P: Tensor, beta: float, label_P: Tensor | None = None, weight_P: Tensor | None = None
) -> Tensor:
    """Identity preference optimisation (Azar et al. 2023, eq. 17), [P].

    L = w * (delta - 1 / (2 beta))^2 with delta = chosen - rejected. The arguments are `log_ratio`s divided by the
    completion's tokens, so that beta means the same at every length (as in TRL, after the authors). With a soft label
    p the target is its expectation, (2p - 1) / (2 beta): Azar et al.'s loss averaged over which of the two is better
    differs from it by a constant.
    """
    sign = 1.0 if label_P is None else 2 * label_P - 1
    return _weighted((chosen_P - rejected_P - sign / (2 * beta)) ** 2, weight_P)


def kto_divergence(mean_ratio: Tensor) -> Tensor:
    """KTO's reference point z0 = max(0, mean log-ratio of mismatched completions), a scalar without gradient.

    The mismatched completions are answers to other prompts (Ethayarajh et al. 2024, section 4.1).
    """
    return mean_ratio.detach().clamp(min=0)


def kto_loss(
    ratio_B: Tensor,
    desirable_B: Tensor,
    divergence: Tensor | float,
    beta: float,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
    weight_B: Tensor | None = None,
) -> Tensor:
    """Kahneman-Tversky optimisation (Ethayarajh et al. 2024, eq. 8) of unpaired answers, [B].

    L = w lambda_D (1 - sigmoid(beta (ratio - z0))) for desirable answers and w lambda_U (1 - sigmoid(beta (z0 -
    ratio))) for the others. `ratio_B` are `log_ratio`s, `desirable_B` booleans, `divergence` is z0.
    """
    gain = beta * (ratio_B - divergence)
    loss = torch.where(
        desirable_B,
        desirable_weight * (1 - torch.sigmoid(gain)),
        undesirable_weight * (1 - torch.sigmoid(-gain)),
    )
    return _weighted(loss, weight_B)


def reward_loss(
    chosen_P: Tensor,
    rejected_P: Tensor,
    label_P: Tensor | None = None,
    weight_P: Tensor | None = None,
    margin_P: Tensor | None = None,
    centring: float = 0.0,
) -> Tensor:
    """The reward model's loss on the rewards of two answers, [P] (Bradley and Terry 1952).

    L = w * (-p log sigmoid(d) - (1 - p) log sigmoid(-d) + c (chosen + rejected)^2), d = chosen - rejected - m: with a
    margin m (Touvron et al. 2023, eq. 2), a soft label p, and centring c, which keeps rewards near 0 (Eisenstein et
    al. 2023, eq. 2).
    """
    difference = chosen_P - rejected_P if margin_P is None else chosen_P - rejected_P - margin_P
    loss = _soft_logistic(difference, label_P)
    if centring:
        loss = loss + centring * (chosen_P + rejected_P) ** 2
    return _weighted(loss, weight_P)


def top_k_distillation(logits_NV: Tensor, teacher_ids_NK: Tensor, teacher_p_NK: Tensor) -> Tensor:
    """Context distillation from the teacher's K likeliest tokens, [N]: L = -sum_k p_k log q_k.

    p_k is the teacher's probability of token `teacher_ids_NK[n, k]` over its whole vocabulary, not normalised again
    over the K, and q the student's softmax over its own. (Eyuboglu et al. 2025, arXiv 2506.06266, section 4.2, with
    K = 20; Snell et al. 2022 for the idea.) It lacks KL(p || q)'s constant and what lies beyond the K.
    """
    log_q_NV = F.log_softmax(logits_NV.float(), dim=-1)
    return -(teacher_p_NK * log_q_NV.gather(1, teacher_ids_NK)).sum(dim=1)


def leave_one_out(reward_PK: Tensor) -> Tensor:
    """REINFORCE's advantage with the mean of the other samples of a prompt as its baseline, [P, K].

    A_k = r_k - sum_{j != k} r_j / (K - 1) (Kool et al. 2019; Ahmadian et al. 2024, eq. 8): unbiased, and without a
    value model. A sample without a reward (NaN) enters no baseline and has the advantage 0, and so has one that is
    alone.
    """
    known = ~reward_PK.isnan()
    others = known.sum(dim=1, keepdim=True) - 1
    baseline = (reward_PK.nansum(dim=1, keepdim=True) - reward_PK) / others.clamp(min=1)
    return torch.where(known & (others > 0), reward_PK - baseline, 0.0)


def reinforce_loss(log_probability_B: Tensor, advantage_B: Tensor) -> Tensor:
    """-A log pi(completion), [B] (Williams 1992): its gradient is the policy gradient of samples just drawn."""
    return -advantage_B.detach() * log_probability_B


def _soft_logistic(difference_P: Tensor, label_P: Tensor | None) -> Tensor:
    """-p log sigmoid(d) - (1 - p) log sigmoid(-d), [P]; p is 1 unless given."""
    better = -F.logsigmoid(difference_P)
    return better if label_P is None else label_P * better - (1 - label_P) * F.logsigmoid(-difference_P)


def _weighted(loss: Tensor, weight: Tensor | None) -> Tensor:
    return loss if weight is None else loss * weight
