"""From encoded rows to the tensors of one batch. Shapes: B rows, T positions, P pairs.

Every batch also carries how many completion `tokens` and `pairs` it holds, as plain numbers. `divide` adds them up over
all the batches of a step, on all processes, and a loss divides by the sum. So a step is the same whether its rows come
in one batch, in several (gradient accumulation) or on several processes. `row_B` are the rows' numbers, by which a
batch that goes wrong is named.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from constitutions.errors import InputError
from training import ranks
from training.encoding import Example, Labelled, TokenSequence
from training.losses import IGNORED

Batch = dict[str, Any]


def pad_id(tokenizer: Any) -> int:
    """The id that fills short rows: the pad token, else the end token, else the unknown one.

    Any id would do: padding is masked out of attention and labelled `IGNORED`.
    """
    for candidate in (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id):
        if candidate is not None:
            return int(candidate)
    raise InputError("the tokenizer has no pad, end or unknown token; expected at least one of them")


def own_pad_id(tokenizer: Any) -> int:
    """The pad token's id, where padding must be told from text. Raises InputError where it cannot be."""
    found = tokenizer.pad_token_id
    if found is None or found == tokenizer.eos_token_id:
        name = getattr(tokenizer, "name_or_path", "") or "the tokenizer"
        raise InputError(
            f"{name}: has no pad token of its own, and a reward is read at the last token before the padding; "
            "expected pad_token set to a token that is not the end token"
        )
    return int(found)


def pad(sequences: Sequence[TokenSequence], filler: int) -> Batch:
    """`input_ids`, `attention_mask` and `labels`, each [B, T], right-padded to the longest sequence."""
    longest = max(len(sequence) for sequence in sequences)
    size = (len(sequences), longest)
    ids, mask = torch.full(size, filler, dtype=torch.long), torch.zeros(size, dtype=torch.long)
    labels = torch.full(size, IGNORED, dtype=torch.long)
    for index, sequence in enumerate(sequences):
        length = len(sequence)
        ids[index, :length] = torch.tensor(sequence.input_ids)
        labels[index, :length] = torch.tensor(sequence.labels)
        mask[index, :length] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def divide(batches: Sequence[Batch], device: torch.device | str = "cpu") -> None:
    """Set `step_tokens` and `step_pairs`, what the losses of these batches, which make one step, divide by.

    Processes average their gradients, so each divides by its share of the sum over all processes.
    """
    counts = ranks.total((sum(batch[name] for batch in batches) for name in ("tokens", "pairs")), device)
    tokens, pairs = (count / ranks.world() for count in counts)
    for batch in batches:
        batch["step_tokens"], batch["step_pairs"] = max(tokens, 1.0), pairs


def learnt(sequence: TokenSequence) -> int:
    """How many tokens of a sequence are predicted and learnt."""
    return len(sequence.labels) - 1 - sequence.labels[1:].count(IGNORED)


class Collator:
    """Examples to one batch: the chosen (or supervised) sequences first, then the rejected ones of the pairs.

    Besides `pad`'s three tensors: `weight_B` for the first B sequences, and `pair_P` (which of the B have a rejected
    one), `soft_label_P`, `margin_P`, `reference_chosen_P` and `reference_rejected_P`.
    """

    def __init__(self, filler: int) -> None:
        self.filler = filler

    def __call__(self, numbered: Sequence[tuple[int, Example]]) -> Batch:
        """One batch of (row number, example)s."""
        examples = [example for _, example in numbered]
        pairs = [(index, item, item.rejected) for index, item in enumerate(examples) if item.rejected is not None]
        batch = pad([item.chosen for item in examples] + [rejected for _, _, rejected in pairs], self.filler)
        return batch | {
            "weight_B": _floats([item.weight for item in examples]),
            "pair_P": torch.tensor([index for index, _, _ in pairs], dtype=torch.long),
            "soft_label_P": _floats([item.soft_label for _, item, _ in pairs]),
            "margin_P": _floats([item.margin for _, item, _ in pairs]),
            "reference_chosen_P": _floats([item.reference_chosen for _, item, _ in pairs]),
            "reference_rejected_P": _floats([item.reference_rejected for _, item, _ in pairs]),
            "row_B": torch.tensor([row for row, _ in numbered]),
            "tokens": float(sum(learnt(item.chosen) for item in examples)),
            "pairs": float(len(pairs)),
        }


@dataclass(frozen=True, slots=True)
class Packed:
    """Supervised rows that share one sequence, with their numbers."""

    rows: tuple[tuple[int, Example], ...]

    def __len__(self) -> int:
        return sum(len(example.chosen) for _, example in self.rows)

    @property
    def where(self) -> str:
        """The cases in it."""
        return ", ".join(example.where for _, example in self.rows)


def pack(examples: Sequence[Example], length: int) -> list[Packed]:
    """Supervised rows in as few sequences of at most `length` tokens as best fit, longest first, finds.

    Nothing is cut. (Ding et al. 2024, arXiv 2404.10830: best-fit packing.)
    """
    room: list[tuple[int, int]] = []  # (free tokens, which bin), least room first
    bins: list[list[tuple[int, Example]]] = []
    for index in sorted(range(len(examples)), key=lambda i: -len(examples[i].chosen)):
        size = len(examples[index].chosen)
        best = bisect_left(room, (size, -1))
        if best < len(room):
            free, place = room.pop(best)
        else:
            free, place = length, len(bins)
            bins.append([])
        bins[place].append((index, examples[index]))
        insort(room, (free - size, place))
    return [Packed(tuple(rows)) for rows in bins]


class PackedCollator:
    """Packed rows to one batch of B sequences.

    `position_ids` [B, T] begin again at 0 with every row, and there is no attention mask: from that `transformers`
    keeps every row from seeing another (FlashAttention by lengths, the others by a block-diagonal mask). A row's first
    token is never learnt, so none is predicted from the row before. `weight_BT` [B, T - 1] weighs predicted tokens.
    """

    def __init__(self, filler: int) -> None:
        self.filler = filler

    def __call__(self, numbered: Sequence[tuple[int, Packed]]) -> Batch:
        """One batch of (number, packed sequence)s."""
        joined = [_join(packed) for _, packed in numbered]
        batch = pad([sequence for sequence, _, _ in joined], self.filler)
        longest = batch["input_ids"].shape[1]
        del batch["attention_mask"]
        positions = [place + list(range(longest - len(place))) for _, place, _ in joined]
        weights = [weight[1:] + [0.0] * (longest - len(weight)) for _, _, weight in joined]
        return batch | {
            "position_ids": torch.tensor(positions),
            "weight_BT": torch.tensor(weights, dtype=torch.float32),
            "row_B": torch.tensor([row for row, _ in numbered]),
            "tokens": float(sum(learnt(sequence) for sequence, _, _ in joined)),
            "pairs": 0.0,
        }


def _join(packed: Packed) -> tuple[TokenSequence, list[int], list[float]]:
    """The rows end to end, each token's position in its row, and each token's weight."""
    ids: list[int] = []
    labels: list[int] = []
    positions: list[int] = []
    weights: list[float] = []
    for _, example in packed.rows:
        sequence = example.chosen
        ids += sequence.input_ids
        labels += [IGNORED, *sequence.labels[1:]]
        positions += range(len(sequence))
        weights += [example.weight] * len(sequence)
    return TokenSequence(ids, labels), positions, weights


class UnpairedCollator:
    """Labelled answers to one batch: the B answers, then the B mismatched ones, as rows of the same tensors.

    Besides `pad`'s three tensors: `desirable_B` (booleans; `good` of them), `weight_B`, `reference_B` and
    `reference_mismatched_B`. Its `pairs` are the answers.
    """

    def __init__(self, filler: int) -> None:
        self.filler = filler

    def __call__(self, numbered: Sequence[tuple[int, Labelled]]) -> Batch:
        """One batch of (row number, labelled answer)s."""
        items = [item for _, item in numbered]
        batch = pad([item.answer for item in items] + [item.mismatched for item in items], self.filler)
        return batch | {
            "desirable_B": torch.tensor([item.desirable for item in items]),
            "weight_B": _floats([item.weight for item in items]),
            "reference_B": _floats([item.reference for item in items]),
            "reference_mismatched_B": _floats([item.reference_mismatched for item in items]),
            "row_B": torch.tensor([row for row, _ in numbered]),
            "good": sum(item.desirable for item in items),
            "tokens": float(sum(learnt(item.answer) for item in items)),
            "pairs": float(len(items)),
        }


def _floats(values: Sequence[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)
