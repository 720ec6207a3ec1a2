"""Answers as the model that learns sees them: the mean of its last hidden states over an answer's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from constitutions.errors import InputError
from training.loading import load_tokenizer, quiet

ROWS = 32


def hidden_states(model_path: str | Path, longest: int, texts: Sequence[str]) -> NDArray[np.float64]:
    """The mean last hidden state of each text alone, [N, D] in float32 on CPU; texts are cut at `longest` tokens.

    A text without tokens is read as the end token. Raises InputError where no model or tokenizer can be loaded.
    """
    import torch
    from transformers import AutoModel

    tokenizer = load_tokenizer(model_path)
    with quiet():
        try:
            model = AutoModel.from_pretrained(model_path, dtype=torch.float32).eval()
        except (OSError, ValueError) as error:
            raise InputError(f"{model_path}: no weights could be loaded ({str(error).splitlines()[0]})") from None
    read = [
        tokenizer(text, add_special_tokens=False)["input_ids"][:longest] or [tokenizer.eos_token_id] for text in texts
    ]
    found = np.zeros((len(read), model.config.hidden_size))
    order = sorted(range(len(read)), key=lambda i: len(read[i]))
    for start in range(0, len(order), ROWS):
        rows = order[start : start + ROWS]
        width = max(len(read[i]) for i in rows)
        ids = torch.tensor([read[i] + [0] * (width - len(read[i])) for i in rows])
        seen = torch.tensor([[1] * len(read[i]) + [0] * (width - len(read[i])) for i in rows])
        with torch.inference_mode():
            states = model(input_ids=ids, attention_mask=seen).last_hidden_state
        mean = (states * seen[:, :, None]).sum(1) / seen.sum(1, keepdim=True)
        found[rows] = mean.double().numpy()
    return found
