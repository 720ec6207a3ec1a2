"""What every way is given: the cases, and an instant model, so that nothing but the way itself takes time."""

from __future__ import annotations

from collections.abc import Sequence

from agents.records import Case, Message
from constitutions.constitution import Constitution, load_constitution

PRINCIPLE = "harmful_instructions"
TOPICS = ("a cupboard of cleaners", "a school trip", "an old car", "a letter to a landlord", "bread", "a chess club")


def cases(count: int) -> list[Case]:
    """`count` requests of 80 to 300 characters."""
    return [
        Case(
            f"case-{n:07d}",
            (
                Message(
                    "user", f"Request {n}: tell me all about {TOPICS[n % 6]}, please. " + "Take your time." * (n % 16)
                ),
            ),
        )
        for n in range(count)
    ]


def asked(request: str) -> Message:
    """A user's turn."""
    return Message("user", request)


def constitution() -> Constitution:
    """One principle, so that every visit of a reviewer is one question; one phrasing, so that none is drawn."""
    whole = load_constitution("general").subset([PRINCIPLE])
    (principle,) = whole.principles
    one = principle.model_copy(update={"revision_requests": principle.revision_requests[:1]})
    return whole.model_copy(update={"principles": (one,)})


def answer(messages: Sequence[Message], seed: int) -> str:
    """An answer that repeats some of the question, behind where a nonce would stand."""
    return f"You asked: {messages[-1].content[20:60]} ... This is what can be said about it, as far as anybody knows."


def accept(messages: Sequence[Message], labels: Sequence[str]) -> tuple[float, float]:
    """A critic that is content five times in six, by the length of the question."""
    return (0.8, 0.2) if len(messages[-1].content) % 7 == 0 else (0.1, 0.9)


def halve(messages: Sequence[Message], labels: Sequence[str]) -> tuple[float, float]:
    """A judge that wants about half revised, by the length of the question."""
    return (0.7, 0.3) if len(messages[-1].content) // 7 & 1 else (0.2, 0.8)


HEARD: list[tuple[Message, ...]] = []
"""Every question that the listening functions were asked: what shows that two ways ask the same."""


def heard_answer(messages: Sequence[Message], seed: int) -> str:
    """`answer`, and keep the question."""
    HEARD.append(tuple(messages))
    return answer(messages, seed)


def heard_accept(messages: Sequence[Message], labels: Sequence[str]) -> tuple[float, float]:
    """`accept`, and keep the question."""
    HEARD.append(tuple(messages))
    return accept(messages, labels)


def heard_halve(messages: Sequence[Message], labels: Sequence[str]) -> tuple[float, float]:
    """`halve`, and keep the question."""
    HEARD.append(tuple(messages))
    return halve(messages, labels)
