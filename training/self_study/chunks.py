"""Random chunks of a constitution: what the model has before it while it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from constitutions.constitution import Constitution


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive principles: their ids, and their text as a model is shown it."""

    ids: tuple[str, ...]
    text: str


def document(constitution: Constitution, numbered: bool) -> str:
    """The constitution as a model is shown it: numbered lines with the preamble, or the bare statements in one line."""
    if numbered:
        return constitution.text()
    return " ".join(principle.statement for principle in constitution.principles)


def draw_chunk(constitution: Constitution, size: tuple[int, int], rng: Random, numbered: bool) -> Chunk:
    """A chunk of `size` (least, most) principles, from any place in the constitution, each place equally likely.

    A constitution that is shorter is its own only chunk.
    """
    whole = len(constitution.principles)
    count = min(rng.randint(*size), whole)
    start = rng.randint(0, whole - count)
    return chunk_of(constitution, constitution.ids[start : start + count], numbered)


def chunk_of(constitution: Constitution, ids: Sequence[str], numbered: bool) -> Chunk:
    """The chunk of these principles, in the constitution's order."""
    part = constitution.subset(ids)
    return Chunk(part.ids, document(part, numbered))
