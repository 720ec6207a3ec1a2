"""Conditions over what was said in words: verdicts are compared as codes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from numpy.typing import NDArray

from agents.vocabulary import VERDICT_NAMES
from constitutions.predicate import All, AnyOf, Comparison, Not, Predicate, evaluate, fields
from hierarchy.flow import Bools


def holds(when: Predicate, column: Callable[[str], NDArray[Any]]) -> Bools:
    """Where the condition holds, [n]; `column` gives a field by name."""
    coded, wanted = _coded(when)
    return evaluate(coded, {name: column(name) for name in wanted})


@lru_cache(maxsize=4096)
def _coded(when: Predicate) -> tuple[Predicate, tuple[str, ...]]:
    """The predicate with verdicts as codes, and the fields it looks at."""
    return _with_codes(when), tuple(sorted(fields(when)))


def _with_codes(when: Predicate) -> Predicate:
    match when:
        case All(all=parts):
            return All(all=tuple(_with_codes(part) for part in parts))
        case AnyOf(any=parts):
            return AnyOf(any=tuple(_with_codes(part) for part in parts))
        case Not(not_=part):
            return Not(not_=_with_codes(part))
    assert isinstance(when, Comparison)
    if when.field != "verdict":
        return when
    value = when.value
    code = tuple(VERDICT_NAMES[str(v)] for v in value) if isinstance(value, tuple) else VERDICT_NAMES[str(value)]
    return Comparison(field=when.field, op=when.op, value=code)
