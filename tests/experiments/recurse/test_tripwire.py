"""When a tripwire stops an arm."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agents.figures import Estimate
from experiments.recurse.results import Measured, RoundResult
from experiments.recurse.spec import Wire
from experiments.recurse.tripwire import said, tripped
from experiments.results.figures import Difference


def _change(value: float, reach: float) -> Difference:
    return Difference(value=value, low=value - reach, high=value + reach)


def rounds(since_first: Difference, since_last: Difference, metric: str = "distinct_2") -> list[RoundResult]:
    """Three bases; the first had .5, the second .45."""
    level = (Estimate(value=0.5, low=None, high=None), Estimate(value=0.45, low=None, high=None))
    return [
        RoundResult(round=0, base="base", measures={metric: Measured(value=level[0])}),
        RoundResult(round=1, base="one", measures={metric: Measured(value=level[1])}),
        RoundResult(
            round=2, base="two", measures={metric: Measured(value=level[1], change=since_first, step=since_last)}
        ),
    ]


FELL = rounds(_change(-0.1, 0.05), _change(-0.05, 0.2))


@pytest.mark.parametrize(
    ("wire", "trips"),
    [
        (Wire(metric="distinct_2", fell=0.1), True),
        (Wire(metric="distinct_2", fell=0.11), False),
        (Wire(metric="distinct_2", fell=0.2, relative=True), True),  # .1 of .5
        (Wire(metric="distinct_2", fell=0.21, relative=True), False),
        (Wire(metric="distinct_2", rose=0.0), False),
        (Wire(metric="distinct_2", fell=0.05, against="previous"), False),  # its interval is from -.25 to .15
        (Wire(metric="distinct_2", fell=0.05, against="previous", rule="point"), True),
        (Wire(metric="distinct_1", fell=0.0, rule="point"), False),  # not measured
    ],
)
def test_a_wire_trips_by_size_and_rule(wire: Wire, trips: bool) -> None:
    found = tripped([wire], FELL)
    assert (found is not None) == trips
    if found is not None:
        assert found.round == 2
        assert found.metric == "distinct_2"


def test_no_change_trips_nothing_not_even_a_limit_of_nothing() -> None:
    same = rounds(_change(0.0, 0.0), _change(0.0, 0.0))
    assert tripped([Wire(metric="distinct_2", fell=0.0, rule="point")], same) is None


def test_the_first_base_trips_nothing_and_the_first_wire_declared_is_told() -> None:
    wires = [Wire(metric="distinct_2", fell=0.05), Wire(metric="distinct_2", fell=0.01)]
    assert tripped(wires, FELL[:1]) is None
    found = tripped(wires, FELL)
    assert found is not None
    assert found.limit == 0.05
    assert found.said == said(wires[0])
    assert found.said == "Distinct-2 fell by 0.05 or more since round 0, and its interval excludes no change"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"metric": "mood", "fell": 0.1}, "'mood' is no metric; accepted: violations"),
        ({"metric": "correct"}, "both or neither of `fell` and `rose`"),
        ({"metric": "correct", "fell": 0.1, "rose": 0.1}, "both or neither"),
    ],
)
def test_a_wire_that_says_nothing_is_refused(keys: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Wire.model_validate(keys)
