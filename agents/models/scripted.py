"""Scripted models: fixed functions, for tests and for baselines that are programs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.model import Generated, Prompt, Query, Scored, Unanswerable
from agents.spec import ScriptedSpec
from agents.view import objects
from constitutions.errors import InputError


class ScriptedModel:
    """Calls the named functions row by row. What they return is all the model says; it draws nothing itself.

    A function that raises `Unanswerable` makes its row missing; any other exception ends the run.
    """

    def __init__(self, spec: ScriptedSpec) -> None:
        self._generate = _load(spec.generate, "generate")
        self._score = _load(spec.score, "score")

    def generate(self, query: Query) -> Generated:
        """What the function writes, per row; None or empty text is an absent answer."""
        if self._generate is None:
            raise InputError("scripted model: asked to write, but no `generate` function is named")
        said = _ask(self._generate, query.prompts(), query.seed_N.tolist())
        text = objects([answer if answer and answer.strip() else None for answer in said])
        present = np.array([answer is not None for answer in text], bool)
        none = np.zeros(len(query), np.int32)
        return Generated(text, present, none, none)

    def score(self, query: Query, labels: tuple[str, ...]) -> Scored:
        """The function's numbers, normalised; None, negative, infinite or all-zero numbers cannot be read."""
        if self._score is None:
            raise InputError("scripted model: asked for a verdict, but no `score` function is named")
        said = _ask(self._score, query.prompts(), [labels] * len(query))
        return Scored(_shares(said, len(labels)), np.zeros(len(query), np.int32))


def _shares(said: Sequence[Any], width: int) -> NDArray[np.float64]:
    """The numbers of every row as shares of their sum, [n, width]; NaN where they cannot be read."""
    numbers = _numbers(said, width)
    sound = (np.isfinite(numbers) & (numbers >= 0)).all(axis=1, keepdims=True)
    total = np.where(sound, numbers, 0.0).sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.where(total > 0, numbers, np.nan) / np.where(total > 0, total, 1.0)
    return shares


def _numbers(said: Sequence[Any], width: int) -> NDArray[np.float64]:
    """What was said, [n, width]; NaN for a row that has another shape."""
    unread = np.full(width, np.nan)
    with suppress(ValueError, TypeError):  # rows of different shapes
        numbers = np.array(said, np.float64)
        if numbers.shape == (len(said), width):
            return numbers
    rows = [unread if row is None else np.asarray(row, np.float64) for row in said]
    return np.array([row if row.shape == (width,) else unread for row in rows]).reshape(len(said), width)


def _ask(function: Callable[..., Any], prompts: Iterable[Prompt], given: Sequence[Any]) -> list[Any]:
    """What the function says per row; None where it declares the question unanswerable. Other exceptions are faults."""
    said: list[Any] = []
    for prompt, more in zip(prompts, given, strict=True):
        try:
            said.append(function(prompt.messages, more))
        except Unanswerable:
            said.append(None)
    return said


def _load(name: str | None, key: str) -> Callable[..., Any] | None:
    if name is None:
        return None
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError):
        raise InputError(f"scripted model: {key}: {name!r} cannot be imported; expected module:function") from None
    if not callable(found):
        raise InputError(f"scripted model: {key}: {name!r} is not callable; expected module:function")
    loaded: Callable[..., Any] = found
    return loaded
