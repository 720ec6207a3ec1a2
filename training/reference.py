"""The reference model of DPO, IPO and KTO: its log-probabilities are computed once, before training, and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from training.batching import pad
from training.encoding import Example, Labelled, TokenSequence
from training.losses import sequence_log_probability
from training.objectives import completion_nll

Told = Callable[[int, int], None] | None
"""Called with (sequences done, sequences in all)."""


def fill_reference(
    model: Any,
    examples: Sequence[Example | Labelled],
    filler: int,
    batch_size: int,
    bfloat16: bool = False,
    progress: Told = None,
) -> None:
    """Write into the examples the log-probabilities of their completions under `model`: both of a pair, or an answer
    and its mismatched one.

    `bfloat16`: compute under the same automatic casting as training will, so that rounding is no margin. The model is
    left in evaluation mode, without gradients, so that dropout does not enter.
    """
    pairs = [(item, item.rejected) for item in examples if isinstance(item, Example) and item.rejected is not None]
    labelled = [item for item in examples if isinstance(item, Labelled)]
    firsts = [item.chosen for item, _ in pairs] + [item.answer for item in labelled]
    seconds = [rejected for _, rejected in pairs] + [item.mismatched for item in labelled]
    found = []
    for done, part in enumerate((firsts, seconds), start=1):
        found.append(log_probabilities(model, part, filler, batch_size, bfloat16))
        if progress is not None:
            progress(done * len(firsts), 2 * len(firsts))
    for (item, _), first, second in zip(pairs, found[0], found[1], strict=False):
        item.reference_chosen, item.reference_rejected = first, second
    for answer, first, second in zip(labelled, found[0][len(pairs) :], found[1][len(pairs) :], strict=True):
        answer.reference, answer.reference_mismatched = first, second


def log_probabilities(
    model: Any, sequences: Sequence[TokenSequence], filler: int, batch_size: int, bfloat16: bool = False
) -> list[float]:
    """log p(completion | prompt) of each sequence under `model`, in evaluation mode and without gradients.

    Neighbours in a batch are of similar length; the order depends on the sequences alone, so a resumed run gets the
    same numbers.
    """
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
