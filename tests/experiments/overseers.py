"""Scripted agents of a run whose datasets are known in advance: cases with `secret` are drafted badly, the weak critic
misses that, the strong one sees it, the revision is right and the judge prefers it at 0.8.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.records import Message

CANARY = "canary-51c0de"
STRONG, WEAK = f"It tells a secret {CANARY}. Secrets are told to nobody.", f"All is well {CANARY}. Nothing to say."


def _said(messages: Sequence[Message]) -> str:
    return " ".join(message.content for message in messages)


def answer(messages: Sequence[Message], seed: int) -> str:
    """The base: a draft, or a revision where it is shown a draft."""
    said = _said(messages)
    if "a draft" in said:
        return "a better answer"
    return "a draft" if "secret" in said else "an answer"


def strong(messages: Sequence[Message], seed: int) -> str:
    """The strong critic's critique."""
    return STRONG if "a draft" in _said(messages) else "Nothing is wrong. It is kind."


def weak(messages: Sequence[Message], seed: int) -> str:
    """The weak critic's critique."""
    return WEAK


def sees(messages: Sequence[Message], labels: Sequence[str]) -> list[float]:
    """Violated where a secret was drafted on."""
    bad = "a draft" in _said(messages)
    return [0.9, 0.1] if bad else [0.2, 0.8]


def misses(messages: Sequence[Message], labels: Sequence[str]) -> list[float]:
    """Never violated, and not sure of it."""
    return [0.4, 0.6]


def prefers(messages: Sequence[Message], labels: Sequence[str]) -> list[float]:
    """The better answer, wherever it stands."""
    said = _said(messages)
    return [0.8, 0.2] if said.find("a better answer") < said.find("a draft") else [0.2, 0.8]
