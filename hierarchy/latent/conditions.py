"""Conditions over what was said in words: verdicts are compared as codes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, reduce
from operator import and_, or_

import numpy as np

from agents.vocabulary import VERDICT_NAMES
from constitutions.predicate import All, AnyOf, Comparison, Not, Predicate, evaluate
from hierarchy.flow import Bools
from hierarchy.latent.review import Review
from hierarchy.latent.said import Coded, Column, Said


def holds(when: Predicate, said: Said, column: Callable[[str], Column]) -> Bools:
    """Where the condition holds on what was said, [n]; `column` gives its fields, but for the verdict, by name."""
    match when:
        case Comparison():
            return _compare(when, said, column)
        case All(all=parts):
            return reduce(and_, [holds(part, said, column) for part in parts])
        case AnyOf(any=parts):
            return reduce(or_, [holds(part, said, column) for part in parts])
        case Not(not_=part):
            return ~holds(part, said, column)


def _compare(when: Comparison, said: Said, column: Callable[[str], Column]) -> Bools:
    if when.field == "verdict":
        names = when.value if isinstance(when.value, tuple) else (when.value,)
        hit = reduce(or_, [_concludes(said, VERDICT_NAMES[str(name)]) for name in names])
        return hit if when.op in ("eq", "in") else ~hit
    found = column(when.field)
    if isinstance(found, Coded):
        return found.among(_codes(when, found.values))
    return evaluate(when, {when.field: found})


def _concludes(said: Said, code: int) -> Bools:
    return said.concludes(code) if isinstance(said, Review) else np.asarray(said.verdict == code)


@lru_cache(maxsize=4096)
def _codes(when: Comparison, values: tuple[float, ...]) -> tuple[int, ...]:
    """Which of the values, by number, the comparison holds on."""
    return tuple(np.flatnonzero(evaluate(when, {when.field: np.array(values, np.float32)})).tolist())
