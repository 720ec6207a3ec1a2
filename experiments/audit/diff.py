"""What a revision changes, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

Fate = Literal["same", "removed", "added"]
_TOKENS = re.compile(r"\w+|\s+|[^\w\s]")
_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of text that both have (`same`), or only the old one (`removed`) or the new one (`added`)."""

    fate: Fate
    text: str


def word_diff(old: str, new: str) -> list[Part]:
    """The parts of the change from `old` to `new`, in order; where words are replaced, what was removed comes first.

    `same` and `removed` joined are the old text, `same` and `added` the new one. Words, runs of white space and single
    marks are compared (`difflib.SequenceMatcher`). Where more than 2,000 of them are left between the first and the
    last difference, that stretch is told as replaced in one: to find more in it would keep a person waiting.
    """
    before, after = _TOKENS.findall(old), _TOKENS.findall(new)
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    middle = (before[start : len(before) - end], after[start : len(after) - end])
    parts = [("same", before[:start]), *_changes(*middle), ("same", before[len(before) - end :])]
    return list(_joined(parts))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many tokens are alike from the start on."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _changes(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[Fate, Sequence[str]]]:
    if max(len(before), len(after)) > _MOST:
        yield "removed", before
        yield "added", after
        return
    for what, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what == "equal":
            yield "same", before[i:j]
        else:
            yield "removed", before[i:j]
            yield "added", after[k:m]


def _joined(parts: Sequence[tuple[Fate, Sequence[str]]]) -> Iterator[Part]:
    told = [(fate, "".join(tokens)) for fate, tokens in parts if tokens]
    for fate, some in groupby(told, key=lambda part: part[0]):
        yield Part(fate, "".join(text for _, text in some))
