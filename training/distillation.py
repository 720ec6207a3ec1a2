"""Context distillation: the model learns, without a text, to answer as it does with that text before it.

Teacher and student are one model: the teacher is the model as it was, with the context in its system message. It is
read once, before training, and only its K likeliest tokens are kept. What learns is the model's weights, adapters or a
cartridge (`training.cartridge`). Shapes: B rows, T positions, N predicted completion tokens of a batch, K tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from agents.records import Message
from constitutions.errors import InputError
from training import losses
from training.batching import Batch, learnt, pad
from training.datasets import SftRow
from training.encoding import Encoder, TokenSequence

SYSTEM = "system"


@dataclass(slots=True)
class Taught:
    """A row as the student and as the teacher read it: the same completion, after one prompt and the other.

    `ids` and `p`, [n, K], are the teacher's likeliest tokens and their probabilities where the n tokens of the
    completion are predicted; filled in once, by `fill_teacher`.
    """

    student: TokenSequence
    teacher: TokenSequence
    weight: float
    where: str
    ids: Tensor = field(default_factory=lambda: torch.empty(0))
    p: Tensor = field(default_factory=lambda: torch.empty(0))


def with_context(context: str, prompt: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation with the context in its system message, before what that message says already."""
    if prompt and prompt[0].role == SYSTEM:
        return (Message(SYSTEM, f"{context}\n\n{prompt[0].content}"), *prompt[1:])
    return (Message(SYSTEM, context), *prompt)


def encode_taught(encoder: Encoder, rows: Sequence[SftRow], context: str) -> tuple[list[Taught], int]:
    """The encoded rows in order, and how many were skipped because the teacher's sequence is longer than `max_length`.

    Raises InputError for a template that closes the same completion differently after a system message.
    """
    found = []
    for row in rows:
        where = row.lineage.where
        student = encoder.sequence(row.prompt, row.completion, where)
        teacher = encoder.sequence(with_context(context, row.prompt), row.completion, where)
        if _completion(student) != _completion(teacher):
            raise InputError(
                f"{where}: the tokenizer's chat template renders the answer differently after a system message; "
                "expected a template that does not look back"
            )
        if len(teacher) <= encoder.max_length:
            found.append(Taught(student, teacher, row.weight, where))
    return found, len(rows) - len(found)


def _completion(sequence: TokenSequence) -> list[int]:
    return [label for label in sequence.labels if label != losses.IGNORED]


def fill_teacher(
    model: Any,
    examples: Sequence[Taught],
    filler: int,
    batch_size: int,
    top: int,
    bfloat16: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write into the examples what `model` predicts with the context before it: its `top` likeliest tokens.

    In evaluation mode, without gradients; neighbours in a batch are of similar length.
    """
    model.eval()
    order = sorted(examples, key=lambda example: len(example.teacher))
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size]
        batch = {k: v.to(model.device) for k, v in pad([each.teacher for each in part], filler).items()}
        with torch.inference_mode(), torch.autocast(model.device.type, torch.bfloat16, enabled=bfloat16):
            logits = model(batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False).logits
        predicted_NV = losses.predicted(logits, batch["labels"]).float()
        # Clones leave inference mode behind: training needs ordinary tensors.
        best = predicted_NV.softmax(dim=-1).topk(min(top, predicted_NV.shape[-1]), dim=-1)
        counts = [learnt(each.teacher) for each in part]
        ids, p = (torch.split(found.cpu().clone(), counts) for found in (best.indices, best.values))
        for each, its_ids, its_p in zip(part, ids, p, strict=True):
            each.ids, each.p = its_ids, its_p
        if progress is not None:
            progress(start + len(part), len(order))


class TaughtCollator:
    """Taught rows to one batch: the student's sequences, and `teacher_ids_NK`, `teacher_p_NK`, `weight_N` with them."""

    def __init__(self, filler: int) -> None:
        self.filler = filler

    def __call__(self, numbered: Sequence[tuple[int, Taught]]) -> Batch:
        """One batch of (row number, row)s."""
        items = [item for _, item in numbered]
        counts = [learnt(item.student) for item in items]
        return pad([item.student for item in items], self.filler) | {
            "teacher_ids_NK": torch.cat([item.ids for item in items]),
            "teacher_p_NK": torch.cat([item.p for item in items]),
            "weight_N": torch.tensor([item.weight for item in items]).repeat_interleave(torch.tensor(counts)),
            "row_B": torch.tensor([row for row, _ in numbered]),
            "tokens": float(sum(counts)),
            "pairs": 0.0,
        }
