"""How far a policy has moved from a reference: KL(policy || reference) of whole answers, in nats.

Shapes: B answers, T positions, V words. Two kinds:

- on-policy, from answers y drawn from the policy, with d_t = log policy(y_t | y_<t) - log reference(y_t | y_<t):
  k1 = sum_t d_t, unbiased, of either sign; k3 = sum_t exp(-d_t) - 1 + d_t, unbiased and never negative (Schulman 2020,
  "Approximating KL divergence"). k3 is at the mercy of tokens that the reference finds far likelier.
- exact along given continuations: sum_t sum_v policy(v | y_<t) (log policy(v | y_<t) - log reference(v | y_<t)). No
  sampling error; it tells how far the policies differ where the continuations go, not where the policy would go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.batching import Batch, pad
from training.encoding import TokenSequence
from training.losses import IGNORED
from training.sampling import Drawn

Floats = NDArray[np.float64]


def k1(ratio_BT: Tensor) -> Tensor:
    """sum_t d_t, [B]; the log-ratios d are 0 where there is no token."""
    return ratio_BT.sum(dim=1)


def k3(ratio_BT: Tensor) -> Tensor:
    """sum_t exp(-d_t) - 1 + d_t, [B]."""
    return (torch.exp(-ratio_BT) - 1 + ratio_BT).sum(dim=1)


def token_kl(policy_BTV: Tensor, reference_BTV: Tensor) -> Tensor:
    """sum_v p (log p - log q) at every position, [B, T], from logits."""
    p, q = policy_BTV.log_softmax(dim=-1), reference_BTV.log_softmax(dim=-1)
    return (p.exp() * (p - q)).sum(dim=-1)


def on_policy(policy: Any, reference: Any, drawn: Sequence[Drawn], temperature: float = 1.0) -> tuple[Floats, Floats]:
    """(k1, k3) of every answer, which the policy drew at this temperature."""
    found = _pairs(policy, reference, drawn, temperature, _ratio)
    return np.concatenate([k1(d).numpy() for d in found]), np.concatenate([k3(d).numpy() for d in found])


def exact(policy: Any, reference: Any, along: Sequence[Drawn], temperature: float = 1.0) -> Floats:
    """The KL over the whole distribution of every token, summed along each answer, whoever wrote it."""
    return np.concatenate([d.sum(dim=1).numpy() for d in _pairs(policy, reference, along, temperature, _divergence)])


_Compare = Callable[[Tensor, Tensor, Tensor], Tensor]


def _ratio(policy_BTV: Tensor, reference_BTV: Tensor, labels_BT: Tensor) -> Tensor:
    wanted = labels_BT.clamp(min=0)[:, :, None]
    p, q = (logits.log_softmax(dim=-1).gather(2, wanted)[:, :, 0] for logits in (policy_BTV, reference_BTV))
    return p - q


def _divergence(policy_BTV: Tensor, reference_BTV: Tensor, labels_BT: Tensor) -> Tensor:
    return token_kl(policy_BTV, reference_BTV)


def _pairs(
    policy: Any, reference: Any, answers: Sequence[Drawn], temperature: float, compare: _Compare, rows: int = 32
) -> list[Tensor]:
    """What `compare` says at every position of every answer, 0 outside them, in batches in the order of the answers."""
    found = []
    for batch in _batches(answers, rows):
        labels = batch["labels"][:, 1:]
        with torch.inference_mode():
            p, q = (_logits(model, batch) / temperature for model in (policy, reference))
            found.append(compare(p, q, labels) * (labels != IGNORED))
    return found


def _logits(model: Any, batch: Batch) -> Tensor:
    """Of the token after each position but the last, [B, T - 1, V], in float64: a KL is a small difference."""
    out = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False)
    logits: Tensor = out.logits[:, :-1].double()
    return logits


def _batches(answers: Sequence[Drawn], rows: int) -> Iterator[Batch]:
    for start in range(0, len(answers), rows):
        yield pad(
            [
                TokenSequence(one.prompt_ids + one.ids, [IGNORED] * len(one.prompt_ids) + one.ids)
                for one in answers[start : start + rows]
            ],
            0,
        )
