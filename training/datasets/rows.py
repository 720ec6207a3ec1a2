"""The rows that models learn from: supervised rows, preference pairs and labelled answers, each with its lineage.

All are in the conversational format that TRL and `datasets` read: `prompt`, `completion`, `chosen` and `rejected` are
lists of `{role, content}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agents.records import Message
from training.lineage import Lineage

ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class SftRow:
    """One prompt and the answer to learn. The loss counts the completion only, times `weight`."""

    prompt: tuple[Message, ...]
    completion: tuple[Message, ...]
    weight: float
    lineage: Lineage

    def to_dict(self) -> dict[str, Any]:
        """The row as written to JSONL and Parquet."""
        return {
            "prompt": _conversation(self.prompt),
            "completion": _conversation(self.completion),
            "weight": self.weight,
            "lineage": self.lineage.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class PreferenceRow:
    """Two answers to one prompt, the better one first.

    Attributes:
        margin: how clearly `chosen` is better, from -1 to 1: 2p - 1, with p a judge's probability that it is, or the
            agreement of the last consensus where no judge compared the two or a person decided.
        weight: how much the pair counts.
        soft_label: probability that `chosen` really is the better one; 1 is the ordinary hard label.
    """

    prompt: tuple[Message, ...]
    chosen: tuple[Message, ...]
    rejected: tuple[Message, ...]
    margin: float
    weight: float
    lineage: Lineage
    soft_label: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """The row as written to JSONL and Parquet."""
        return {
            "prompt": _conversation(self.prompt),
            "chosen": _conversation(self.chosen),
            "rejected": _conversation(self.rejected),
            "margin": self.margin,
            "weight": self.weight,
            "soft_label": self.soft_label,
            "lineage": self.lineage.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class UnpairedRow:
    """One answer to one prompt and whether it is a good one, as KTO learns from. The loss counts it times `weight`."""

    prompt: tuple[Message, ...]
    completion: tuple[Message, ...]
    label: bool
    weight: float
    lineage: Lineage

    def to_dict(self) -> dict[str, Any]:
        """The row as written to JSONL and Parquet."""
        return {
            "prompt": _conversation(self.prompt),
            "completion": _conversation(self.completion),
            "label": self.label,
            "weight": self.weight,
            "lineage": self.lineage.to_dict(),
        }


Row = SftRow | PreferenceRow | UnpairedRow


def _conversation(messages: Iterable[Message]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in messages]


def answer(text: str) -> tuple[Message, ...]:
    """The assistant's turn that says `text`."""
    return (Message(ASSISTANT, text),)
