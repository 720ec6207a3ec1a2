"""Predicates: the vectorised evaluation agrees with reading the condition row by row."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from constitutions.errors import InputError
from constitutions.predicate import All, AnyOf, Comparison, Not, Predicate, check, evaluate, fields

COMPARE = {"lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge}
WORDS = st.sampled_from(["north", "south", "east"])
NUMBERS = st.sampled_from([0.0, 0.25, 0.5, 1.0, -3.0])

ROW = st.fixed_dictionaries(
    {
        "region": st.none() | WORDS,
        "severity": st.just(math.nan) | NUMBERS,
        "round": st.integers(-2, 2),
        "flagged": st.booleans(),
        "tags": st.none() | st.lists(WORDS, max_size=2).map(tuple),
    }
)


def comparison(field: str, ops: list[str], one: st.SearchStrategy[Any]) -> st.SearchStrategy[Predicate]:
    many = st.lists(one, max_size=3).map(tuple)
    return st.sampled_from(ops).flatmap(
        lambda op: (many if op in ("in", "not_in") else one).map(lambda v: Comparison(field=field, op=op, value=v))
    )


ORDERED = ["eq", "ne", "lt", "le", "gt", "ge", "in", "not_in"]
CONDITION: st.SearchStrategy[Predicate] = st.recursive(
    comparison("region", ["eq", "ne", "in", "not_in"], WORDS)
    | comparison("severity", ORDERED, NUMBERS)
    | comparison("round", ORDERED, st.integers(-2, 2))
    | comparison("flagged", ["eq", "ne"], st.booleans())
    | comparison("tags", ["contains"], WORDS),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: All(all=tuple(parts)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(any=tuple(parts)))
        | inner.map(lambda part: Not(not_=part))
    ),
    max_leaves=6,
)


def holds(condition: Predicate, row: dict[str, Any]) -> bool:
    """The meaning of a condition, written for one row."""
    match condition:
        case All():
            return all(holds(part, row) for part in condition.all)
        case AnyOf():
            return any(holds(part, row) for part in condition.any)
        case Not():
            return not holds(condition.not_, row)
    have, want = row[condition.field], condition.value
    if have is None or have != have:
        return False
    match condition.op:
        case "eq":
            return bool(have == want)
        case "ne":
            return bool(have != want)
        case "in":
            return have in want
        case "not_in":
            return have not in want
        case "contains":
            return want in have
    return bool(COMPARE[condition.op](have, want))


def objects(values: list[Any]) -> np.ndarray[Any, Any]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def columns_of(rows: list[dict[str, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    def values(name: str) -> list[Any]:
        return [row[name] for row in rows]

    return {
        "region": objects(values("region")),
        "severity": np.array(values("severity"), dtype=np.float64),
        "round": np.array(values("round"), dtype=np.int64),
        "flagged": np.array(values("flagged"), dtype=bool),
        "tags": objects(values("tags")),
    }


@given(condition=CONDITION, rows=st.lists(ROW, max_size=6))
def test_columns_give_what_reading_row_by_row_gives(condition: Predicate, rows: list[dict[str, Any]]) -> None:
    result_N = evaluate(condition, columns_of(rows))
    assert result_N.dtype == np.bool_
    assert result_N.tolist() == [holds(condition, row) for row in rows]


@given(condition=CONDITION)
def test_a_condition_survives_being_written_and_read(condition: Predicate) -> None:
    adapter: TypeAdapter[Predicate] = TypeAdapter(Predicate)
    assert adapter.validate_python(adapter.dump_python(condition, by_alias=True)) == condition


def test_missing_compares_false_for_not_equal_too() -> None:
    columns = {"severity": np.array([math.nan, 0.5]), "region": objects([None, "north"])}
    assert evaluate(Comparison(field="severity", op="ne", value=1.0), columns).tolist() == [False, True]
    assert evaluate(Comparison(field="severity", op="not_in", value=(1.0,)), columns).tolist() == [False, True]
    assert evaluate(Comparison(field="region", op="ne", value="south"), columns).tolist() == [False, True]


def test_fields_are_all_the_columns_looked_at() -> None:
    inner = Comparison(field="region", op="eq", value="north")
    condition = All(all=(Not(not_=inner), AnyOf(any=(Comparison(field="severity", op="ge", value=0.5),))))
    assert fields(condition) == {"region", "severity"}


@pytest.mark.parametrize(
    ("field", "op", "value", "message"),
    [
        ("severity", "eq", "high", "field 'severity' is a number: 'high' is not accepted; expected a number"),
        ("severity", "ge", True, "field 'severity' is a number: True is not accepted; expected a number"),
        (
            "severity",
            "contains",
            "x",
            "field 'severity' is a number: op 'contains' is not accepted; accepted: eq, ne, lt, le, gt, ge, in, not_in",
        ),
        ("flagged", "eq", 1, "field 'flagged' is a flag: 1 is not accepted; expected true or false"),
        ("region", "lt", "a", "field 'region' is text: op 'lt' is not accepted; accepted: eq, ne, in, not_in"),
        ("severty", "ge", 1, "no field 'severty'; accepted: flagged, region, severity; did you mean 'severity'?"),
    ],
)
def test_a_condition_that_does_not_fit_its_column_names_field_and_accepted(
    field: str, op: Any, value: Any, message: str
) -> None:
    columns = {"severity": np.zeros(1), "flagged": np.zeros(1, dtype=bool), "region": objects(["a"])}
    condition = Comparison(field=field, op=op, value=value)
    with pytest.raises(InputError) as caught:
        evaluate(condition, columns)
    assert str(caught.value) == message
    with pytest.raises(InputError) as checked:
        check(condition, {"severity": "number", "flagged": "flag", "region": "text"})
    assert str(checked.value) == message
