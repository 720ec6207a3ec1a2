"""Marks of an answer beside its violations: it lost its helpfulness; its author sounds sure.

Words with marks are of a type twice as wide as the principles need, and hold them above the principles' bits: LOST at
bit P, SURE at bit P + 1. Words of agents that never mark anything have neither, and cost nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.simulated.lanes import Words, word_type

Bools = NDArray[np.bool_]
_WIDER = {1: np.uint16, 2: np.uint32, 4: np.uint64, 8: np.uint64}
MOST = 62
"""Most principles of words with marks."""


def marked_type(principles: int) -> np.dtype[Any]:
    """The type of words with marks. Raises ValueError where a word has no room for them."""
    if principles > MOST:
        raise ValueError(f"{principles} principles; answers can carry marks beside at most {MOST}")
    return np.dtype(_WIDER[word_type(principles).itemsize])


def has_marks(word: Words, principles: int) -> bool:
    """Whether the words may have marks."""
    return principles <= MOST and word.dtype.itemsize >= marked_type(principles).itemsize


def bare(word: Words, principles: int) -> Words:
    """The violations alone."""
    if not has_marks(word, principles):
        return word
    found: Words = (word & word.dtype.type((1 << principles) - 1)).astype(word_type(principles))
    return found


def lost(word: Words, principles: int) -> Bools:
    """Which answers lost their helpfulness, [n]."""
    return _has(word, principles, 0)


def sure(word: Words, principles: int) -> Bools:
    """Whose authors sound sure, [n]."""
    return _has(word, principles, 1)


def marked(word: Words, lost_n: Bools, sure_n: Bools, principles: int) -> Words:
    """The violations with marks."""
    kind = marked_type(principles).type
    found: Words = bare(word, principles).astype(kind)
    found |= lost_n.astype(kind) << kind(principles)
    found |= sure_n.astype(kind) << kind(principles + 1)
    return found


def _has(word: Words, principles: int, mark: int) -> Bools:
    if not has_marks(word, principles):
        return np.zeros(len(word), bool)
    return np.asarray((word >> word.dtype.type(principles + mark)) & word.dtype.type(1)).astype(bool)
