"""Scripted models: fixed functions, for tests and for baselines that are programs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from agents.model import Generated, Query, Scored
from agents.spec import ScriptedSpec
from constitutions.errors import InputError


class ScriptedModel:
    """Calls the named functions row by row. What they return is all the model says; it draws nothing itself."""

    def __init__(self, spec: ScriptedSpec) -> None:
        self._generate = _load(spec.generate, "generate")
        self._score = _load(spec.score, "score")

    def generate(self, query: Query) -> Generated:
        """What the function writes, per row; None or empty text is an absent answer."""
        if self._generate is None:
            raise InputError("scripted model: asked to write, but no `generate` function is named")
        said = [self._generate(p.messages, int(s)) for p, s in zip(query.prompts(), query.seed_N, strict=True)]
        text = np.full(len(query), None, object)
        text[:] = [answer if answer and answer.strip() else None for answer in said]
        present = np.array([answer is not None for answer in text], bool)
        return Generated(text, np.zeros(len(query), np.uint64), present, np.zeros(len(query), np.int32))

    def score(self, query: Query, labels: tuple[str, ...]) -> Scored:
        """The function's numbers, normalised; None, negative or all-zero numbers are an unreadable verdict."""
        if self._score is None:
            raise InputError("scripted model: asked for a verdict, but no `score` function is named")
        probability = np.full((len(query), len(labels)), np.nan)
        for n, prompt in enumerate(query.prompts()):
            numbers = self._score(prompt.messages, labels)
            if numbers is not None and len(numbers) == len(labels) and min(numbers) >= 0 and sum(numbers) > 0:
                probability[n] = np.asarray(numbers, np.float64) / sum(numbers)
        return Scored(probability, np.zeros(len(query), np.int32))


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
