"""Slots: the places in a prompt template that are filled, row by row, from columns of text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

_SLOT = re.compile(r"\{([a-z_]+)\}")
SLOTS = frozenset(
    [
        "conversation_text",
        "response",
        "critique",
        "principle_id",
        "statement",
        "critique_request",
        "revision_request",
        "constitution",
        "first",
        "second",
        "claim",
        "labels",
        "heard",
        "side",
        "notes",
        "speaker",
        "said",
        "problems",
        "nonce",
    ]
)

Slots = Mapping[str, str | Sequence[str]]
"""What goes into each slot: one text for all rows, or one per row. A slot that is not named is empty."""
LazySlots = Mapping[str, str | Callable[[], Sequence[str]]]
"""The same, with columns that are made only where a template has the slot."""


def fill(content: str, slots: Slots, count: int) -> list[str]:
    """`content` for each of `count` rows. Values are put in once and never looked at again; other braces stay."""
    template, columns = "", []
    literal, *rest = _SLOT.split(content)
    template += _escaped(literal)
    for name, after in zip(rest[::2], rest[1::2], strict=True):
        value = slots.get(name, "") if name in SLOTS else f"{{{name}}}"
        if isinstance(value, str):
            template += _escaped(value)
        else:
            template += "%s"
            columns.append(value)
        template += _escaped(after)
    if not columns:
        return [template % ()] * count
    return [template % values for values in zip(*columns, strict=True)]


def wanted(contents: Sequence[str]) -> frozenset[str]:
    """The slots that some of these contents have."""
    return frozenset(name for content in contents for name in _SLOT.findall(content)) & SLOTS


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
