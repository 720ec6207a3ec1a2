"""Memory and throughput of a constitution in context beside a cartridge of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.models.network import Network
from training.cartridge import WithCartridge, kv_bytes, new_cartridge
from training.config import CartridgeSpec

NEW_TOKENS = 16
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Way:
    """A way to have the constitution: `tokens` of it are kept as keys and values, of `bytes` for one conversation.

    `tokens_per_second`: generated tokens, reading what has to be read included; median of `ROUNDS` interleaved rounds.
    """

    name: str
    tokens: int
    bytes: int
    tokens_per_second: float


def compare_ways(
    load: Any, context_ids: Sequence[int], cartridges: Mapping[str, WithCartridge], prompts: Sequence[list[int]],
    filler: int,
) -> list[Way]:  # fmt: skip
    """The context read anew with every prompt, read once and kept whole, and every cartridge, on the same prompts.

    `load` gives the model anew; `prompts` are token ids without the context. Each way generates `NEW_TOKENS` tokens a
    prompt, all prompts in one call of a fixed shape, greedily.
    """
    plain = load()
    number = next(plain.parameters()).element_size()
    kept = WithCartridge(new_cartridge(load(), CartridgeSpec(tokens=len(context_ids)), context_ids)).eval()
    ways: dict[str, tuple[Any, list[list[int]], int]] = {
        "constitution in context": (plain.eval(), [[*context_ids, *prompt] for prompt in prompts], len(context_ids)),
        "constitution kept as a prefix": (kept, list(prompts), len(context_ids)),
    }
    ways |= {name: (model, list(prompts), model.tokens) for name, model in cartridges.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number_of_round in range(ROUNDS + 1):
        for name, (model, asked, _) in ways.items():
            spent = _generate(model, asked, filler)
            if number_of_round:  # the first round warms up
                seconds[name].append(spent)
    total = NEW_TOKENS * len(prompts)
    return [
        Way(name, tokens, kv_bytes(plain.config, tokens, number), total / statistics.median(seconds[name]))
        for name, (_, _, tokens) in ways.items()
    ]


def _generate(model: Any, prompts: Sequence[list[int]], filler: int) -> float:
    context = max(map(len, prompts)) + NEW_TOKENS + 1
    network = Network(model, str(model.device), len(prompts), context, filler, (-1,))
    longest = max(map(len, prompts))
    same = [[filler] * (longest - len(prompt)) + prompt for prompt in prompts]  # one bucket, so one call
    began = time.perf_counter()
    for _ in network.write(same, np.zeros(len(prompts), np.uint64), NEW_TOKENS, 0.0):
        pass
    return time.perf_counter() - began
