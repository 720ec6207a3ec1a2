"""The keys an auditor works with, the same in the browser and in the terminal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """A key, what it is called in the code, and what it says to the auditor."""

    key: str
    action: str
    says: str


KEYS = (
    Key("a", "accept", "accept"),
    Key("e", "revise", "revise"),
    Key("r", "reject", "reject"),
    Key("s", "skip", "skip"),
    Key("u", "undo", "undo"),
    Key("n", "comment", "comment"),
    Key("f", "findings", "findings"),
    Key("q", "quit", "quit"),
)
"""While a case is shown. `1` to `9` also mark, or unmark, the principle of that number as violated."""

WRITING = (
    Key("ctrl+s", "save", "done"),
    Key("escape", "leave", "back, kept as draft"),
)
"""While something is written: a revision or a comment."""

MOST_MARKED = 9
"""How many principles have a key of their own, from `1` on."""


def key_of(action: str) -> str:
    """The key of an action of `KEYS` or `WRITING`. Raises KeyError."""
    return {one.action: one.key for one in (*KEYS, *WRITING)}[action]
