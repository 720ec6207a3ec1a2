from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.columns import Output, Width
from agents.view import Cases, View
from agents.vocabulary import Role
from hierarchy.consensus import Consensus
from hierarchy.rules import Majority, MeanScore, Rule, Unanimous, Veto, Weighted
from tests.hierarchy.graphs import A, E, M, R, constitution

PRINCIPLES = 2
THREE = ("a", "b", "c")
WEIGHTS = {"a": 1.0, "b": 2.5, "c": 0.5}
# One member on one principle: asked, present, flag, confidence, severity. Not asked means that it did not apply.
ABSENT, UNREAD = (False, False, False, 0.0, 0.0), (True, False, False, 0.0, 0.0)
CELL = st.one_of(
    st.just(ABSENT),
    st.just(UNREAD),
    st.tuples(
        st.just(True), st.just(True), st.booleans(), st.sampled_from([0.5, 0.625, 0.75, 1.0]), st.sampled_from([0.5, 1])
    ),
)
ROW = st.lists(st.lists(CELL, min_size=PRINCIPLES, max_size=PRINCIPLES), min_size=3, max_size=3)
MISSING = st.sampled_from(["escalate", "flag", "abstain"])
RULES = st.one_of(
    st.builds(Majority, missing=MISSING),
    st.builds(Unanimous, missing=MISSING),
    st.builds(Veto, missing=MISSING),
    st.builds(Weighted, missing=MISSING, weights=st.just(WEIGHTS), threshold=st.sampled_from([0.25, 0.5, 0.875, 1.0])),
    st.builds(MeanScore, missing=MISSING, threshold=st.sampled_from([0.25, 0.5, 0.75])),
)


def decide(rule: Rule, rows: list[Any]) -> Output:
    """What consensus says about rows of [member][principle] cells."""
    view = View(
        Role.CONSENSUS,
        Cases.numbered(len(rows)),
        constitution().subset(constitution().ids[:PRINCIPLES]),
        reads={name: member([row[v] for row in rows]) for v, name in enumerate(THREE)},
    )
    return Consensus(rule, THREE).act(view)


def member(rows: list[Any]) -> Output:
    cells = np.array(rows, np.float64).reshape(len(rows), 1, PRINCIPLES, 5)
    asked, present, flag = (cells[..., i].astype(bool) for i in range(3))
    unread = (asked & ~present).any(axis=(1, 2)) | ~asked.any(axis=(1, 2))
    flagged = flag.any(axis=(1, 2))
    return Output.of(
        Role.CRITIC,
        len(rows),
        Width(1, PRINCIPLES),
        verdict=np.where(unread, M, np.where(flagged, R, A)),
        flagged=flagged,
        finding_asked=asked,
        finding_present=present,
        finding_flag=flag,
        finding_confidence=cells[..., 3],
        finding_severity=cells[..., 4] * flag,
    )


def reference(rule: Rule, cells: list[Any]) -> tuple[bool, bool]:
    """(flag, stuck) of one principle, as the rules' docstrings say it."""
    asked = [(name, *cell[1:4]) for name, cell in zip(THREE, cells, strict=True) if cell[0]]
    if not asked:
        return False, False
    votes = [(name, flag, sure) for name, present, flag, sure in asked if present]
    if rule.missing == "flag":
        votes = [(name, flag or not present, sure) for name, present, flag, sure in asked]
    if rule.missing == "escalate" and len(votes) < len(asked):
        return False, True
    if not votes:
        return False, True
    flags = [name for name, flag, _ in votes if flag]
    match rule:
        case Majority():
            return len(flags) >= len(votes) / 2 and bool(flags), False
        case Unanimous():
            split = 0 < len(flags) < len(votes)
            return bool(flags) and not split, split
        case Veto():
            return bool(flags), False
        case Weighted():
            share = sum(WEIGHTS[name] for name in flags) / sum(WEIGHTS[name] for name, _, _ in votes)
            return share >= rule.threshold and bool(flags), False
        case MeanScore():
            unread = {name for name, present, _, _ in asked if not present}
            scores = [1.0 if name in unread else sure if flag else 1 - sure for name, flag, sure in votes]
            return sum(scores) / len(scores) >= rule.threshold, False


@given(RULES, st.lists(ROW, min_size=1, max_size=8))
@settings(max_examples=250)
def test_every_rule_decides_as_its_words_say(rule: Rule, rows: list[Any]) -> None:
    said = decide(rule, rows)
    for n, row in enumerate(rows):
        each = [reference(rule, [row[v][p] for v in range(3)]) for p in range(PRINCIPLES)]
        assert said["finding_flag"][n, 0].tolist() == [flag for flag, _ in each]
        nobody_asked = not any(cell[0] for cells in row for cell in cells)
        stuck = any(stuck for _, stuck in each) or nobody_asked
        expected = E if stuck else R if any(flag for flag, _ in each) else A
        assert said["verdict"][n] == expected
        assert said["flagged"][n] == any(flag for flag, _ in each)


@given(RULES, st.lists(ROW, min_size=2, max_size=6))
@settings(max_examples=60)
def test_a_row_does_not_depend_on_its_neighbours(rule: Rule, rows: list[Any]) -> None:
    together = decide(rule, rows).rows()
    assert repr(together) == repr([decide(rule, [row]).rows()[0] for row in rows])


@given(RULES, ROW)
@settings(max_examples=100)
def test_planes_are_nested(rule: Rule, row: Any) -> None:
    said = decide(rule, [row])
    assert not (said["finding_flag"] & ~said["finding_present"]).any()
    assert not (said["finding_present"] & ~said["finding_asked"]).any()


YES, NO = (True, True, True, 0.75, 1.0), (True, True, False, 0.75, 0.0)


def verdict(rule: Rule, *cells: Any) -> int:
    return int(decide(rule, [[[cell, NO if cell[1] else cell] for cell in cells]])["verdict"][0])


@pytest.mark.parametrize("kind", [Majority, Unanimous, Veto, MeanScore])
def test_by_default_one_unreadable_verdict_escalates(kind: type[Majority]) -> None:
    assert verdict(kind(), NO, NO, UNREAD) == E
    assert verdict(kind(), YES, YES, UNREAD) == E
    assert verdict(kind(missing="abstain"), NO, NO, UNREAD) == A
    assert verdict(kind(missing="abstain"), UNREAD, UNREAD, UNREAD) == E
    assert verdict(kind(missing="flag"), UNREAD, UNREAD, UNREAD) == R


def test_what_just_reaches_its_threshold_is_violated() -> None:
    """Weights 1, 2.5 and .5, of which the first two hold 3.5 / 4; scores .75 and .25."""
    assert verdict(Weighted(weights=WEIGHTS, threshold=0.875), YES, YES, NO) == R
    assert verdict(Weighted(weights=WEIGHTS, threshold=0.88), YES, YES, NO) == A
    assert verdict(Weighted(weights=WEIGHTS, threshold=1.0), YES, YES, YES) == R
    assert verdict(MeanScore(missing="abstain", threshold=0.5), YES, NO, UNREAD) == R
    assert verdict(MeanScore(missing="abstain", threshold=0.51), YES, NO, UNREAD) == A
    assert verdict(Majority(missing="abstain"), YES, NO, UNREAD) == R


@pytest.mark.parametrize("missing", ["escalate", "abstain"])
def test_members_that_never_ran_do_not_pass_a_case(missing: Any) -> None:
    for rule in (Majority(missing=missing), Veto(missing=missing), Weighted(missing=missing, weights=WEIGHTS)):
        assert verdict(rule, ABSENT, ABSENT, ABSENT) == E


def test_disagreement_is_the_share_outside_the_larger_camp() -> None:
    rows = [[[cell, NO] for cell in cells] for cells in ([NO, NO, NO], [YES, NO, NO], [YES, YES, NO], [YES, YES, YES])]
    assert decide(Majority(), rows)["disagreement"].tolist() == pytest.approx([0, 1 / 3, 1 / 3, 0])


def test_severity_and_confidence_are_means_over_those_who_count() -> None:
    mild, grave = (True, True, True, 0.5, 0.5), (True, True, True, 1.0, 1.0)
    said = decide(Majority(), [[[mild, NO], [grave, NO], [NO, NO]]])
    assert said["finding_severity"][0, 0].tolist() == [0.75, 0.0]
    assert said["severity"][0] == 0.75
    assert said["finding_confidence"][0, 0].tolist() == pytest.approx([0.75, 0.75])


def labelled(rule: Rule, *rows: list[int]) -> Output:
    def rater(labels: list[int]) -> Output:
        found = np.array(labels)
        return Output.of(
            Role.SAFETY, len(labels), Width(1, PRINCIPLES), label=found, verdict=np.where(found >= 0, A, M)
        )

    reads = {name: rater([row[v] for row in rows]) for v, name in enumerate(THREE)}
    view = View(Role.CONSENSUS, Cases.numbered(len(rows)), constitution(), reads=reads, labels=("x", "y", "z"))
    return Consensus(rule, THREE).act(view)


def test_labels_are_settled_or_escalated() -> None:
    rows = [[1, 1, 1], [1, 1, 2], [0, 1, 2], [1, 1, -1], [1, -1, -1], [-1, -1, -1], [0, 0, 0]]
    assert labelled(Unanimous(), *rows)["label"].tolist() == [1, -1, -1, -1, -1, -1, 0]
    assert labelled(Unanimous(), *rows)["verdict"].tolist() == [A, E, E, E, E, E, A]
    assert labelled(Majority(), *rows)["label"].tolist() == [1, 1, -1, -1, -1, -1, 0]
    assert labelled(Majority(missing="abstain"), *rows)["label"].tolist() == [1, 1, -1, 1, 1, -1, 0]
    assert labelled(Majority(missing="abstain"), [1, 2, -1])["verdict"].tolist() == [E], "half is not more than half"
    assert labelled(Majority(), [0, 1, 2], [1, 1, 2])["disagreement"].tolist() == pytest.approx([2 / 3, 1 / 3])


@pytest.mark.parametrize("threshold", [0.0, math.nan, 1.5])
def test_a_threshold_is_a_share(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        Weighted(weights=WEIGHTS, threshold=threshold)
    with pytest.raises(ValueError, match="weights"):
        Weighted(weights={"a": 0.0})


def test_what_counts_as_a_violation_unread_is_grave_and_unsure() -> None:
    said = decide(MeanScore(missing="flag"), [[[UNREAD, NO], [UNREAD, NO], [NO, NO]]])
    assert said["verdict"].tolist() == [R]
    assert said["severity"].tolist() == [1.0]
    assert said["confidence"][0] == pytest.approx(0.25)
