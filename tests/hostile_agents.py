"""Scripted agents that say hostile things: the base repeats what it was asked, the critic says it of the answer."""

from __future__ import annotations

from collections.abc import Sequence

from agents.records import Message
from tests.hostile import HOSTILE


def answer(messages: Sequence[Message], seed: int) -> str:
    """The question itself."""
    return messages[-1].content


def critique(messages: Sequence[Message], seed: int) -> str:
    """Some hostile string."""
    return HOSTILE[seed % len(HOSTILE)]


def verdict(messages: Sequence[Message], labels: Sequence[str]) -> list[float]:
    """That it is violated, mostly."""
    return [0.8, *[0.2 / (len(labels) - 1)] * (len(labels) - 1)]
