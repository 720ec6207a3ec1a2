"""Asking a causal language model: with nothing in its system message, with a constitution, or under a cartridge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.models.network import Network
from agents.records import Case, Message
from training.batching import pad_id
from training.distillation import with_context
from training.sampling import Sampler


class ModelAnswerer:
    """Answers greedily, and chooses by log-probability a token. `model` may be a `training.cartridge.WithCartridge`.

    `context` goes into the system message of every prompt; empty for none.
    """

    def __init__(self, model: Any, tokenizer: Any, context: str = "", rows: int = 32, most: int = 64) -> None:
        self._sampler = Sampler(model, tokenizer, rows, most, temperature=0.0)
        self._context = context
        self._network = Network(
            model,
            str(model.device),
            rows,
            self._sampler.encoder.max_length,
            pad_id(tokenizer),
            (tokenizer.eos_token_id,),
        )

    def answer(self, prompts: Sequence[tuple[Message, ...]]) -> list[str]:
        """The likeliest answer to each prompt, token by token."""
        cases = [Case(str(number), self._seen(prompt)) for number, prompt in enumerate(prompts)]
        return [drawn[0].text for drawn in self._sampler.draw(cases, 1, 0)]

    def choose(self, prompts: Sequence[tuple[Message, ...]], options: Sequence[tuple[str, ...]]) -> list[int]:
        """The option with the highest mean log-probability a token, so that length does not decide."""
        groups: dict[tuple[str, ...], list[int]] = {}
        for number, its in enumerate(options):
            groups.setdefault(its, []).append(number)
        found = [0] * len(prompts)
        for its, numbers in groups.items():
            for number, pick in zip(numbers, self._choose([prompts[n] for n in numbers], its), strict=True):
                found[number] = pick
        return found

    def _choose(self, prompts: Sequence[tuple[Message, ...]], options: tuple[str, ...]) -> list[int]:
        tokenizer = self._sampler.tokenizer
        ids = [list(tokenizer(option, add_special_tokens=False)["input_ids"]) for option in options]
        asked = [self._sampler.encoder.prompt_ids(self._seen(prompt)) for prompt in prompts]
        lengths = np.array([len(each) for each in ids])
        found: NDArray[np.int64] = np.zeros(len(prompts), np.int64)
        for rows, log_probability in self._network.score(asked, [0] * len(asked), ids):
            found[rows] = (log_probability / lengths).argmax(axis=1)
        return [int(pick) for pick in found]

    def _seen(self, prompt: tuple[Message, ...]) -> tuple[Message, ...]:
        return with_context(self._context, prompt) if self._context else prompt
