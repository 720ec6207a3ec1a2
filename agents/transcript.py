"""Conversations and other people's words as text in which no line can pose as something else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.records import Message

_LINE_END = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_SHOWN = {"user": "USER", "assistant": "ASSISTANT", "system": "SYSTEM", "tool": "TOOL"}


def indented(text: str) -> str:
    """`text` with every line but the first indented, so that no line of it can pose as a heading of ours."""
    return text if text.isprintable() else _LINE_END.sub("\n  ", text)  # no line end is printable


def conversation_text(messages: Sequence[Message]) -> str:
    """A conversation as text, for styles that show it inside one message. No line of a turn can pose as a new turn."""
    return "\n".join([f"{_SHOWN.get(m.role) or m.role.upper()}: {indented(m.content)}" for m in messages])
