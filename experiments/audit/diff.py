"""What a revision changes, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Fate = Literal["same", "removed", "added"]
_Told = tuple[Fate, str]
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
    rest = "".join(before[len(before) - end :])
    return list(_joined([("same", "".join(before[:start])), *_changes(*middle), ("same", rest)]))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many tokens are alike from the start on."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _changes(before: Sequence[str], after: Sequence[str]) -> Iterator[_Told]:
    if max(len(before), len(after)) > _MOST:
        yield "removed", "".join(before)
        yield "added", "".join(after)
        return
    for what, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what == "equal":
            yield "same", "".join(before[i:j])
        else:
            yield "removed", "".join(before[i:j])
            yield "added", "".join(after[k:m])


def _joined(told: Iterable[_Told]) -> Iterator[Part]:
    """Each change as one part removed and one added. What is the same between two changes and no longer than either
    is told as changed: a sentence that was rewritten reads as one, not word by word."""
    changes: list[_Change] = [_Change()]
    for fate, text in told:
        last = changes[-1]
        match fate:
            case "same" if text:
                changes.append(_Change(text))
            case "removed":
                last.removed += text
            case "added":
                last.added += text
        while len(changes) > 2 and changes[-1].size >= len(changes[-1].after) <= changes[-2].size:
            swallowed = changes.pop()
            changes[-1].removed += swallowed.after + swallowed.removed
            changes[-1].added += swallowed.after + swallowed.added
    for change in changes:
        parts = (Part("same", change.after), Part("removed", change.removed), Part("added", change.added))
        yield from (part for part in parts if part.text)


@dataclass
class _Change:
    """What is changed, after a text that is the same."""

    after: str = ""
    removed: str = ""
    added: str = ""

    @property
    def size(self) -> int:
        return max(len(self.removed), len(self.added))
