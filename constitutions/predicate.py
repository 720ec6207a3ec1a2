"""Typed conditions over columns: when a principle applies, and which way a case takes through the graph.

    {field: region, op: in, value: [north, south]}
    {all: [{field: severity, op: ge, value: 0.5}, {not: {field: tags, op: contains, value: override}}]}

A condition is data. Nothing is ever evaluated as code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import and_, eq, ge, gt, le, lt, or_
from typing import Annotated, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Discriminator, Field, StrictBool, StrictInt, StrictStr, Tag, model_validator

from constitutions.errors import InputError
from constitutions.strict import Finite, Strict, Text, problem, suggestion

Op = Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "contains"]
"""How a field is compared with a value."""

Kind = Literal["flag", "number", "text", "tags"]
"""What a column holds: bool, int or float, str, or a tuple of str per row."""

Scalar = StrictBool | StrictInt | Finite | StrictStr
Columns = Mapping[str, NDArray[Any]]
Mask = NDArray[np.bool_]

ACCEPTED_OPS: Mapping[Kind, tuple[Op, ...]] = {
    "flag": ("eq", "ne"),
    "number": ("eq", "ne", "lt", "le", "gt", "ge", "in", "not_in"),
    "text": ("eq", "ne", "in", "not_in"),
    "tags": ("contains",),
}
"""The operators each kind of column understands."""


class Comparison(Strict):
    """`field op value`. False wherever the column is missing (NaN or None), for `ne` and `not_in` too.

    `in` and `not_in` take a list; `contains` asks whether a tag is among a row's tags.
    """

    field: Text
    op: Op
    value: Scalar | tuple[Scalar, ...]

    @model_validator(mode="after")
    def _list_exactly_for_membership(self) -> Comparison:
        if (self.op in ("in", "not_in")) != isinstance(self.value, tuple):
            raise problem(f"op {self.op!r} takes {'a list' if self.op in ('in', 'not_in') else 'one value'}", "value")
        return self


class All(Strict):
    """True where every one of the conditions is."""

    all: tuple[Predicate, ...] = Field(min_length=1)


class AnyOf(Strict):
    """True where at least one of the conditions is."""

    any: tuple[Predicate, ...] = Field(min_length=1)


class Not(Strict):
    """True where the condition is not; so also where its column is missing. In Python: `Not(not_=condition)`."""

    model_config = ConfigDict(validate_by_name=True)

    not_: Predicate = Field(alias="not")


def _shape_of(raw: Any) -> str:
    """Which of the four shapes a document or a model has; the names differ from the keys, which errors rely on."""
    keys = raw if isinstance(raw, Mapping) else type(raw).model_fields if isinstance(raw, Strict) else ()
    shapes = ((key, shape) for key, shape in _SHAPES.items() if key in keys)
    return next(shapes, ("field", "comparison"))[1]


_SHAPES = {"all": "all of", "any": "any of", "not": "not of", "not_": "not of"}

Predicate = Annotated[
    Annotated[Comparison, Tag("comparison")]
    | Annotated[All, Tag("all of")]
    | Annotated[AnyOf, Tag("any of")]
    | Annotated[Not, Tag("not of")],
    Discriminator(_shape_of),
]
"""A condition: a comparison, or `all`, `any`, `not` of conditions."""

for _model in (All, AnyOf, Not):
    _model.model_rebuild()


def fields(predicate: Predicate) -> set[str]:
    """The names of the columns that `predicate` looks at."""
    return {comparison.field for comparison in comparisons(predicate)}


def comparisons(predicate: Predicate) -> list[Comparison]:
    """Every comparison in `predicate`, in the order written."""
    match predicate:
        case Comparison():
            return [predicate]
        case All(all=parts) | AnyOf(any=parts):
            return [comparison for part in parts for comparison in comparisons(part)]
        case Not(not_=part):
            return comparisons(part)


def check(predicate: Predicate, kinds: Mapping[str, Kind]) -> None:
    """Raise InputError unless every field of `predicate` is in `kinds` and op and value fit the kind of the field."""
    for comparison in comparisons(predicate):
        if comparison.field not in kinds:
            raise _no_such_field(comparison.field, kinds)
        _check_one(comparison, kinds[comparison.field])


def evaluate(predicate: Predicate, columns: Columns) -> Mask:
    """Where `predicate` holds: bool [N] over columns of N rows each.

    Columns are numpy arrays of bool, int, float or text, or object arrays of str (None is missing) or of tuples of
    str. Raises InputError, naming field and what is accepted, when a field is absent or of another kind.
    """
    match predicate:
        case Comparison():
            return _compare(predicate, columns)
        case All(all=parts):
            return reduce(and_, (evaluate(part, columns) for part in parts))
        case AnyOf(any=parts):
            return reduce(or_, (evaluate(part, columns) for part in parts))
        case Not(not_=part):
            return ~evaluate(part, columns)


def kind_of(name: str, column: NDArray[Any]) -> Kind | None:
    """What a column holds, by its type or, for an object column, by its first value; None when it has no value.

    Raises InputError for an object column of anything but str and tuples.
    """
    if column.dtype.kind in _KINDS:
        return _KINDS[column.dtype.kind]
    first = next((value for value in column if value is not None), None)
    if first is None:
        return None
    if isinstance(first, (tuple, list, set, frozenset)):
        return "tags"
    if isinstance(first, str):
        return "text"
    raise InputError(f"field {name!r} holds {type(first).__name__} objects; accepted: {', '.join(get_args(Kind))}")


_KINDS: Mapping[str, Kind] = {"b": "flag", "i": "number", "u": "number", "f": "number", "U": "text", "T": "text"}


def _compare(comparison: Comparison, columns: Columns) -> Mask:
    name = comparison.field
    if name not in columns:
        raise _no_such_field(name, columns)
    column = columns[name]
    kind = kind_of(name, column)
    if kind is None:
        return np.zeros(len(column), dtype=bool)
    _check_one(comparison, kind)
    found = _apply(comparison.op, column, comparison.value)
    return _present(column) & found if column.dtype.kind in "fO" else found


def _apply(op: Op, column: NDArray[Any], value: Any) -> Mask:
    """The comparison row by row; what it says of a missing row is not looked at."""
    match op:
        case "contains":
            return np.fromiter((row is not None and value in row for row in column), dtype=bool, count=len(column))
        case "in":
            nowhere: Mask = np.zeros(len(column), dtype=np.bool_)
            return reduce(np.logical_or, (_apply("eq", column, one) for one in value), nowhere)
        case "not_in":
            return ~_apply("in", column, value)
        case "ne":
            return ~_apply("eq", column, value)
    result: Mask = np.asarray(_COMPARE[op](column, value), dtype=np.bool_)
    return result


_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {"eq": eq, "lt": lt, "le": le, "gt": gt, "ge": ge}


def _present(column: NDArray[Any]) -> Mask:
    if column.dtype.kind == "f":
        present: Mask = ~np.isnan(column)
        return present
    if column.dtype.kind == "O":
        return np.array([value is not None for value in column.tolist()], dtype=np.bool_)
    return np.ones(len(column), dtype=bool)


def _check_one(comparison: Comparison, kind: Kind) -> None:
    name, op = comparison.field, comparison.op
    if op not in ACCEPTED_OPS[kind]:
        accepted = ", ".join(ACCEPTED_OPS[kind])
        raise InputError(f"field {name!r} is {_NOUNS[kind]}: op {op!r} is not accepted; accepted: {accepted}")
    for value in comparison.value if isinstance(comparison.value, tuple) else (comparison.value,):
        if not _fits(value, kind):
            raise InputError(f"field {name!r} is {_NOUNS[kind]}: {value!r} is not accepted; expected {_VALUES[kind]}")


_NOUNS: Mapping[Kind, str] = {"flag": "a flag", "number": "a number", "text": "text", "tags": "a set of tags"}
_VALUES: Mapping[Kind, str] = {"flag": "true or false", "number": "a number", "text": "text", "tags": "one tag"}


def _fits(value: bool | int | float | str, kind: Kind) -> bool:
    match kind:
        case "flag":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "text" | "tags":
            return isinstance(value, str)


def _no_such_field(name: str, known: Iterable[str]) -> InputError:
    accepted = sorted(known)
    return InputError(f"no field {name!r}; accepted: {', '.join(accepted)}{suggestion(name, accepted)}")
