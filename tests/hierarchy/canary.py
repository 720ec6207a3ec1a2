"""Scripted agents for the canary test: the critic writes a canary where only the hidden layer may keep it."""

from __future__ import annotations

from collections.abc import Sequence

from agents.records import Message

CANARY = "canary-7f3a91"


def answer(messages: Sequence[Message], seed: int) -> str:
    """An answer that repeats nothing of what it read."""
    return f"answer {seed % 97}"


def critique(messages: Sequence[Message], seed: int) -> str:
    """A critique with the canary."""
    return f"this answer is wrong, {CANARY}"


def verdict(messages: Sequence[Message], labels: Sequence[str]) -> list[float]:
    """Violated, or better, by the length of what was asked: some cases pass and some do not."""
    first = 0.9 if sum(len(message.content) for message in messages) % 3 == 0 else 0.2
    return [first, *[(1.0 - first) / (len(labels) - 1)] * (len(labels) - 1)]
