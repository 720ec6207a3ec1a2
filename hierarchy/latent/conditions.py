"""Conditions over what was said in words: verdicts are compared as codes, and columns of few values value by value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.vocabulary import VERDICT_NAMES
from constitutions.predicate import All, AnyOf, Comparison, Not, Predicate, evaluate
from hierarchy.flow import Bools, Ints


@dataclass(frozen=True)
class Coded:
    """A column of few values: row i holds values[codes[i]]; codes are bool or small unsigned integers [n]."""

    codes: NDArray[Any]
    values: NDArray[Any]

    def take(self, rows: Ints) -> Coded:
        """The given rows."""
        return Coded(self.codes.take(rows), self.values)

    def among(self, wanted: Bools) -> Bools:
        """Where the row's value is one of those that `wanted` marks, [n]."""
        few, others = np.flatnonzero(wanted), np.flatnonzero(~wanted)
        if len(few) > len(others):
            return ~self.among(~wanted)
        if len(few) > 3:
            return np.asarray(wanted.take(self.codes))
        return reduce(or_, [self.codes == code for code in few.tolist()], np.zeros(1, bool)) | np.zeros(
            len(self.codes) if not len(few) else 1, bool
        )


Column = NDArray[Any] | Coded


def holds(when: Predicate, column: Callable[[str], Column]) -> Bools:
    """Where the condition holds, [n]; `column` gives a field by name."""
    match when:
        case All(all=parts):
            return reduce(and_, [holds(part, column) for part in parts])
        case AnyOf(any=parts):
            return reduce(or_, [holds(part, column) for part in parts])
        case Not(not_=part):
            return ~holds(part, column)
    assert isinstance(when, Comparison)
    found = column(when.field)
    if isinstance(found, Coded):
        return found.among(_compare(when, found.values))
    return _compare(when, found)


def _compare(when: Comparison, values: NDArray[Any]) -> Bools:
    if when.field == "verdict":
        wanted = when.value if isinstance(when.value, tuple) else (when.value,)
        hit = reduce(or_, [values == VERDICT_NAMES[str(name)] for name in wanted], np.zeros(len(values), bool))
        return hit if when.op in ("eq", "in") else ~hit
    return evaluate(when, {when.field: values})
