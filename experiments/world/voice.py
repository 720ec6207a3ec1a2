"""A checkpoint of the microworld, loaded to speak: batched greedy completion and label probabilities.

For measuring the world's own models. Oversight runs go through the `agents` room instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from agents.records import Message
from experiments.world.tokens import encode, word_ids
from experiments.world.words import END, PAD, vocabulary

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

BATCH = 128


def rendered(messages: Sequence[Message], *more: tuple[str, str]) -> str:
    """A conversation and further (role, content) messages as the chat template writes them."""
    pairs = [*((message.role, message.content) for message in messages), *more]
    return " ".join(f"<{role}> {content}".strip() for role, content in pairs)


@dataclass(frozen=True)
class Voice:
    """A causal model of the world and what it says; prompts of one length go together, so nothing is padded."""

    model: LlamaForCausalLM

    @classmethod
    def load(cls, folder: Path) -> Voice:
        """Load a checkpoint in float32."""
        import torch
        from transformers import LlamaForCausalLM

        model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
        model.train(False)
        return cls(model)

    def complete(self, prompts: Sequence[str], limit: int = 96) -> list[str]:
        """Greedy completions, without the end token."""
        import torch

        said = [""] * len(prompts)
        for rows, ids in _batches(prompts):
            attention = torch.ones_like(torch.from_numpy(ids))
            with torch.inference_mode():
                out = self.model.generate(  # type: ignore[misc]
                    torch.from_numpy(ids),
                    attention_mask=attention,
                    max_new_tokens=limit,
                    do_sample=False,
                    eos_token_id=word_ids()[END],
                    pad_token_id=word_ids()[PAD],
                )
            for row, line in zip(rows, out[:, ids.shape[1] :].tolist(), strict=True):
                said[row] = _words(line)
        return said

    def probabilities(self, prompts: Sequence[str], labels: Sequence[str]) -> npt.NDArray[np.float64]:
        """Next-token probabilities of the labels, normalised over them: [N, L]."""
        import torch

        wanted = [word_ids()[label] for label in labels]
        found = np.zeros((len(prompts), len(labels)))
        for rows, ids in _batches(prompts):
            with torch.inference_mode():
                logits = self.model(torch.from_numpy(ids), logits_to_keep=1).logits[:, -1, wanted]
            found[rows] = logits.double().softmax(-1).numpy()
        return found


def _words(ids: list[int]) -> str:
    end = word_ids()[END]
    kept = ids[: ids.index(end)] if end in ids else ids
    words = vocabulary()
    return " ".join(words[index] for index in kept)


def _batches(prompts: Sequence[str]) -> list[tuple[list[int], npt.NDArray[np.int64]]]:
    encoded = [encode(prompt) for prompt in prompts]
    by_length: dict[int, list[int]] = {}
    for row, ids in enumerate(encoded):
        by_length.setdefault(len(ids), []).append(row)
    return [
        (rows[start : start + BATCH], np.array([encoded[row] for row in rows[start : start + BATCH]], dtype=np.int64))
        for rows in by_length.values()
        for start in range(0, len(rows), BATCH)
    ]
