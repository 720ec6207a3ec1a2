"""DPO's reference: its log-probabilities are computed once, before training, and kept with the examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from training.encoding import Example, TokenSequence, pad
from training.losses import sequence_log_probability
from training.objectives import completion_nll


def fill_reference(
    model: Any,
    examples: Sequence[Example],
    filler: int,
    batch_size: int,
    bfloat16: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the log-probabilities of both completions of every pair under `model` into the examples.

    `bfloat16`: compute under the same automatic casting as training will (on a GPU), so that rounding is no margin.
    The model is left in evaluation mode, without gradients, so that dropout does not enter. Neighbours in a batch are
    of similar length; the order depends on the examples alone, so a resumed run gets the same numbers.
    """
    pairs = [(item, item.rejected) for item in examples if item.rejected is not None]
    chosen = _log_probabilities(model, [item.chosen for item, _ in pairs], filler, batch_size, bfloat16)
    if progress is not None:
        progress(len(pairs), 2 * len(pairs))
    rejected = _log_probabilities(model, [sequence for _, sequence in pairs], filler, batch_size, bfloat16)
    if progress is not None:
        progress(2 * len(pairs), 2 * len(pairs))
    for (item, _), good, bad in zip(pairs, chosen, rejected, strict=True):
        item.reference_chosen, item.reference_rejected = good, bad


def _log_probabilities(
    model: Any, sequences: Sequence[TokenSequence], filler: int, batch_size: int, bfloat16: bool
) -> list[float]:
    import torch

    model.eval()
    found = [0.0] * len(sequences)
    order = sorted(range(len(sequences)), key=lambda index: len(sequences[index]))
    with torch.inference_mode(), torch.autocast(model.device.type, torch.bfloat16, enabled=bfloat16):
        for start in range(0, len(order), batch_size):
            part = order[start : start + batch_size]
            batch = {name: value.to(model.device) for name, value in pad([sequences[i] for i in part], filler).items()}
            for index, value in zip(part, sequence_log_probability(completion_nll(model, batch)).tolist(), strict=True):
                found[index] = value
    return found
