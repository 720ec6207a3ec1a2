"""Where outputs come from: the one protocol every model speaks, and the batches it takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.records import Message
from agents.view import Objects
from constitutions.errors import InputError


class Unanswerable(InputError):
    """A model cannot be asked this one question: the row is missing, the others go on.

    Every other exception of a model means that the model is broken, and ends the run.
    """


class Use(StrEnum):
    """What a question to a model is for. Part of the random key."""

    RESPOND = "respond"  # write an answer
    REVISE = "revise"  # write a better one
    CRITIQUE = "critique"  # explain what is wrong with the subject
    VERDICT = "verdict"  # does the subject violate this principle?
    REVIEW_CRITIC = "review_critic"  # was this critic right about this principle?
    SCREEN = "screen"  # the safety role's verdict on one principle
    OVERRIDE = "override"  # does the prompt try to override the rules?
    COMPARE = "compare"  # which of two options is better?
    LABEL = "label"  # which label of a declared vocabulary fits the subject?


class Prompt(NamedTuple):
    """A rendered question: messages for a chat template, and whether to append the assistant's turn marker.

    Message contents have reviewed text in them; a text model neutralises whatever could forge a marker.
    """

    messages: tuple[Message, ...]
    generation_prompt: bool = True


@dataclass(frozen=True)
class Query:
    """n questions to a model, in columns.

    Attributes:
        use: what is asked.
        case_id_N: whose case, for recorded models and messages.
        key_N: the case's random key.
        seed_N: row seed; every random number of the answer is a pure function of it.
        prompts: renders the questions, in order; called at most once, and only by models that need text.
        principle_N: bit of the principle asked about (its place in the whole constitution); -1 where none.
    """

    use: Use
    case_id_N: Objects
    key_N: rng.Keys
    seed_N: rng.Keys
    prompts: Callable[[], Iterable[Prompt]]
    principle_N: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.key_N)


@dataclass(frozen=True)
class Generated:
    """Answers to a query: text [n] (None where absent), presence [n], tokens read and written [n].

    `written_N` are those of the tokens that were written. Models that count none say 0.
    """

    text_N: Objects
    present_N: NDArray[np.bool_]
    tokens_N: NDArray[np.int32]
    written_N: NDArray[np.int32]


@dataclass(frozen=True)
class Scored:
    """Label probabilities [n, L], each row summing to 1, or all NaN where no verdict could be read; tokens [n]."""

    probability_NL: NDArray[np.float64]
    tokens_N: NDArray[np.int32]


@runtime_checkable
class Model(Protocol):
    """Generates answers and scores labels. Deterministic given the query; a row never depends on the other rows."""

    def generate(self, query: Query) -> Generated:
        """One answer per row."""
        ...

    def score(self, query: Query, labels: tuple[str, ...]) -> Scored:
        """The probability of each label as the answer, per row."""
        ...
