"""The engine against the flat loops: time per block, interleaved, and the same ends."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.simulated.lanes import keep_memory
from benchmarks import flat
from benchmarks.graphs import LAYERS, PANEL, arm
from hierarchy.audit.auditors import SimulatedAuditorSpec
from hierarchy.latent.auditor import Auditor
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.crew import latent_crew
from hierarchy.oversee import oversee

PERSON = SimulatedAuditorSpec(budget=2**62, revises=False)
Ends = Callable[[NDArray[np.uint64]], NDArray[np.int8]]


def engine(text: str) -> Ends:
    """The engine as a function from case numbers to ends."""
    one = arm(text)
    crew = latent_crew(one, Auditor(one.plan.places, one.seed, PERSON))

    def run(number: NDArray[np.uint64]) -> NDArray[np.int8]:
        block = LatentBlock(LatentCases.of(number), one.plan)
        oversee(block, one.plan, crew)
        return block.outcomes()

    return run


def seconds(run: Ends, block: int, first: int, blocks: int) -> float:
    """Processor seconds for some consecutive blocks: nothing here waits, and others use the machine too."""
    start = time.process_time()
    for i in range(first, first + blocks):
        run(np.arange(i * block, (i + 1) * block, dtype=np.uint64))
    return time.process_time() - start


def compare(text: str, yardstick: Ends, block: int, pairs: int = 15, blocks: int = 8) -> dict[str, Any]:
    """Medians over interleaved pairs. Raises AssertionError where an end differs."""
    keep_memory()
    run = engine(text)
    for i in range(4):  # tables are built, and the ends are the same
        number = np.arange(i * block, (i + 1) * block, dtype=np.uint64)
        assert (run(number) == yardstick(number)).all(), "the engine's ends are not the flat loop's"
    gc.collect()
    times = [(seconds(run, block, 8 * i, blocks), seconds(yardstick, block, 8 * i, blocks)) for i in range(pairs)]
    return {
        "block": block,
        "ratio": statistics.median(a / b for a, b in times),
        "cases_per_second": block * blocks / statistics.median(a for a, _ in times),
        "flat_cases_per_second": block * blocks / statistics.median(b for _, b in times),
    }


def measure() -> dict[str, Any]:
    """Both graphs at blocks of 16k and 32k."""
    return {
        f"{name} {block // 1024}k": compare(text, yardstick, block)
        for name, text, yardstick in (("panel", PANEL, flat.panel), ("layers", LAYERS, flat.layers))
        for block in (16_384, 32_768)
    }


if __name__ == "__main__":
    for name, found in measure().items():
        print(name, {key: round(value, 3) for key, value in found.items()})
