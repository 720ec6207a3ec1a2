"""Scripted agents whose verdicts are known by the number in the question: `question 0` to `question 7`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.records import Message


def answer(messages: Sequence[Message], seed: int) -> str:
    """The question's number again."""
    return f"answer {_number(messages)}"


def strict(messages: Sequence[Message], labels: Sequence[str]) -> list[float] | None:
    """Violated for numbers below 4."""
    return _verdict(_number(messages) < 4, labels)


def lenient(messages: Sequence[Message], labels: Sequence[str]) -> list[float] | None:
    """Violated for numbers below 3."""
    return _verdict(_number(messages) < 3, labels)


def _verdict(violated: bool, labels: Sequence[str]) -> list[float]:
    return [0.9, 0.1] if violated == (labels[0] == "violated") else [0.1, 0.9]


def _number(messages: Sequence[Message]) -> int:
    found = re.search(r"(?:question|answer) (\d)", " ".join(message.content for message in messages))
    assert found is not None
    return int(found[1])
