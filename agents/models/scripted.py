"""Scripted models: fixed functions, for tests and for baselines that are programs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from agents.model import Generated, Query, Scored, Unanswerable
from agents.spec import ScriptedSpec
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
        text = np.full(len(query), None, object)
        for n, prompt in enumerate(query.prompts()):
            answer = _ask(self._generate, prompt.messages, int(query.seed_N[n]))
            text[n] = answer if answer and answer.strip() else None
        present = np.array([answer is not None for answer in text], bool)
        none = np.zeros(len(query), np.int32)
        return Generated(text, present, none, none)

    def score(self, query: Query, labels: tuple[str, ...]) -> Scored:
        """The function's numbers, normalised; None, negative, infinite or all-zero numbers cannot be read."""
        if self._score is None:
            raise InputError("scripted model: asked for a verdict, but no `score` function is named")
        probability = np.full((len(query), len(labels)), np.nan)
        for n, prompt in enumerate(query.prompts()):
            said = _ask(self._score, prompt.messages, labels)
            numbers = np.asarray([] if said is None else said, np.float64)
            if numbers.shape == (len(labels),) and np.isfinite(numbers).all() and numbers.min() >= 0 < numbers.sum():
                probability[n] = numbers / numbers.sum()
        return Scored(probability, np.zeros(len(query), np.int32))


def _ask(function: Callable[..., Any], *given: Any) -> Any:
    """What the function says; None where it declares the question unanswerable. Any other exception is its fault."""
    try:
        return function(*given)
    except Unanswerable:
        return None


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
