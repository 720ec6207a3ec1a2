"""Words and runs of words: what every check of a text counts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import rng

Words = tuple[str, ...]
_WORD = re.compile(r"\w+")


def words(text: str) -> Words:
    """The words of a text: runs of letters, digits and underscores after NFKC and case folding, without punctuation.

    A language that writes without spaces gives one word a run: its figures then compare whole phrases.
    """
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def grams(some: Words, n: int) -> list[Words]:
    """All runs of n words, in order; none where there are fewer."""
    return [some[i : i + n] for i in range(len(some) - n + 1)]


def keyed_order(texts: Iterable[str], *use: int | str) -> NDArray[np.int64]:
    """An order of the texts that depends on `use` and on what they say, not on how they were ordered."""
    column: NDArray[Any] = np.array([*texts, None], object)[:-1]
    keys = rng.fold(rng.key("checks", *use), rng.text_keys(column).astype(np.uint64))
    return np.argsort(rng.mix(keys), kind="stable")


def keyed_sample(texts: Sequence[str], size: int, *use: int | str) -> list[int]:
    """Which texts a sample of at most `size` takes, in ascending order: all, where there are no more."""
    if len(texts) <= size:
        return list(range(len(texts)))
    return sorted(keyed_order(texts, *use)[:size].tolist())


def generator(*use: int | str) -> np.random.Generator:
    """The generator of a bootstrap: a function of what it is for."""
    return np.random.Generator(np.random.Philox(key=int(rng.key("checks", *use)[0])))
