"""Functions that scripted models name: hand-written fakes with behaviour a reader can see at a glance."""

from __future__ import annotations

from collections.abc import Sequence

from agents.model import Unanswerable
from agents.records import Message


def echo(messages: Sequence[Message], seed: int) -> str:
    """The end of the question, and the seed it was drawn with."""
    return f"{messages[-1].content[-40:].strip()} #{seed % 1000}"


def all_of_it(messages: Sequence[Message], seed: int) -> str:
    """The whole question."""
    return "\n".join(message.content for message in messages)


def by_length(messages: Sequence[Message], labels: Sequence[str]) -> list[float]:
    """Numbers that depend on nothing but how long the question is."""
    size = sum(len(message.content) for message in messages)
    return [1.0 + (size * (index + 3)) % 7 for index in range(len(labels))]


def firm(messages: Sequence[Message], labels: Sequence[str]) -> list[float]:
    """Always the last label (fine; second), nine to one."""
    return [0.1 / (len(labels) - 1)] * (len(labels) - 1) + [0.9]


def first_seen(messages: Sequence[Message], labels: Sequence[str]) -> list[float]:
    """Prefers whatever stands first: pure position bias."""
    return [0.8, 0.2]


def prefers_gold(messages: Sequence[Message], labels: Sequence[str]) -> list[float]:
    """The option that says gold; undecided where both or neither do."""
    text = messages[-1].content
    first, second = text.split("SECOND ANSWER:")
    return {(True, False): [0.9, 0.1], (False, True): [0.1, 0.9]}.get(("gold" in first, "gold" in second), [0.5, 0.5])


def speaks_for_it(messages: Sequence[Message], labels: Sequence[str]) -> list[float]:
    """The first label for who speaks for the prosecution, the last for everybody else."""
    return [0.9, 0.1] if "You speak for the prosecution" in messages[-1].content else [0.1, 0.9]


def silent(messages: Sequence[Message], labels: Sequence[str]) -> None:
    """Nothing that can be read."""


def deaf_to_overrides(messages: Sequence[Message], labels: Sequence[str]) -> list[float] | None:
    """Cannot read the override question, finds everything else fine."""
    return None if "get around its rules" in messages[-1].content else [0.1, 0.9]


def refuses_bad(messages: Sequence[Message], labels: Sequence[str]) -> list[float]:
    """Declares a question with the word `bad` unanswerable."""
    if "bad" in messages[-1].content:
        raise Unanswerable("not this one")
    return [0.1, 0.9]


def infinite(messages: Sequence[Message], labels: Sequence[str]) -> list[float]:
    """No probability at all."""
    return [float("inf"), 1.0]


def broken(messages: Sequence[Message], labels: Sequence[str]) -> list[float]:
    """A bug."""
    raise ZeroDivisionError("a bug in the function")


NOT_CALLABLE = 3
