"""Answers drawn from a model in memory, several to a prompt. The same seed draws the same answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.models.network import Network
from agents.records import Case
from constitutions.errors import InputError
from training.batching import pad_id
from training.encoding import Encoder

Floats = NDArray[np.float64]

Reward = Callable[[Sequence[Case], Sequence[str]], Floats]
"""Called with n cases and an answer to each; gives n numbers, more is better. NaN where no verdict could be read.

A reward model's, the hierarchy's verdict, an oracle's: what is learnt from does not matter to who learns.
"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One answer. `ids` are its tokens, with the end token where the model ended it; `prompt_ids` those before."""

    text: str
    prompt_ids: list[int]
    ids: list[int]


class Sampler:
    """Draws answers by `agents.models.network`: a row's answer depends on its own prompt and seed alone.

    `rows` prompts are read at once; answers have at most `most` tokens; `temperature` divides the logits, and at 1 an
    answer is a draw from the model itself.
    """

    def __init__(self, model: Any, tokenizer: Any, rows: int = 32, most: int = 64, temperature: float = 1.0) -> None:
        self.model, self.tokenizer, self.most, self.temperature = model, tokenizer, most, temperature
        self.encoder = Encoder(tokenizer, int(getattr(model.config, "max_position_embeddings", 2048)))
        self._end = int(tokenizer.eos_token_id)
        self._network = Network(
            model, str(model.device), rows, self.encoder.max_length, pad_id(tokenizer), (self._end,)
        )

    def draw(self, cases: Sequence[Case], count: int, seed: int, number: int = 0) -> list[list[Drawn]]:
        """`count` answers to each case. `number` tells draws of one seed apart, such as the steps of a training.

        Raises InputError for a prompt that leaves no room for an answer.
        """
        prompts = [self.encoder.prompt_ids(case.messages) for case in cases for _ in range(count)]
        key_N = rng.text_keys(np.array([case.case_id for case in cases for _ in range(count)], object))
        seed_N = rng.fold(key_N, seed, number, np.tile(np.arange(count), len(cases)))
        found: list[Drawn | None] = [None] * len(prompts)
        self.model.eval()
        for rows, answers in self._network.write(prompts, seed_N, self.most, self.temperature):
            for row, ids in zip(rows, answers, strict=True):
                found[row] = self._drawn(prompts[row], ids)
        drawn = [answer for answer in found if answer is not None]
        if len(drawn) < len(prompts):
            lost = cases[found.index(None) // count].case_id
            raise InputError(f"case {lost}: its prompt fills the model's context; expected room for an answer")
        return [drawn[start : start + count] for start in range(0, len(drawn), count)]

    def _drawn(self, prompt_ids: list[int], ids: list[int]) -> Drawn:
        text = self.tokenizer.decode(ids, skip_special_tokens=True).strip()
        ended = len(ids) < min(self.most, self.encoder.max_length - len(prompt_ids))
        return Drawn(text, prompt_ids, [*ids, self._end] if ended else ids)


def load_sampler(model_path: str | Path, rows: int = 32, most: int = 64, temperature: float = 1.0) -> Sampler:
    """A sampler of the causal language model in a folder, in float32."""
    from training.config import TrainSpec
    from training.loading import load_model, load_tokenizer, quiet

    with quiet():
        return Sampler(load_model(model_path, TrainSpec()), load_tokenizer(model_path), rows, most, temperature)


def rated(reward: Reward, cases: Sequence[Case], drawn: Sequence[Sequence[Drawn]]) -> Floats:
    """The reward of every answer, [cases, answers a case], asked for all at once."""
    count = len(drawn[0])
    flat = [case for case in cases for _ in range(count)]
    found = reward(flat, [answer.text for answers in drawn for answer in answers])
    return np.asarray(found, float).reshape(len(cases), count)
