"""What every role keeps with every kind of model behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.agent import Agent
from agents.columns import COLUMNS, Level, Output
from agents.view import View
from agents.vocabulary import RESPONDERS, Role, Verdict
from tests.agents.makers import CASES, KINDS, VIEWS, agent_of, view

Setting = tuple[Callable[[], Agent], View]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=VIEWS)
def setting(request: pytest.FixtureRequest, kind: str, tiny: Path, tmp_path: Path) -> Setting:
    """(makes the agent anew, what it sees)."""
    return lambda: agent_of(kind, request.param, tiny, tmp_path), view(request.param)


def same(one: Output, other: Output) -> None:
    assert set(one.columns) == set(other.columns)
    for name in one.columns:
        a, b = one[name], other[name]
        assert a.dtype == b.dtype, name
        np.testing.assert_array_equal(a, b, err_msg=name)  # exact; NaN equals NaN


def test_an_output_has_exactly_the_declared_columns(setting: Setting) -> None:
    make, seen = setting
    said = make().act(seen)
    declared = {column.name: column for column in COLUMNS[seen.role]}
    assert set(said.columns) == set(declared)
    for name, column in declared.items():
        assert said[name].dtype == np.dtype(column.dtype), name
        assert said[name].shape == seen.width.shape(len(seen), column.level), name


def test_the_same_question_has_the_same_answer(setting: Setting) -> None:
    make, seen = setting
    same(make().act(seen), make().act(seen))


@pytest.mark.parametrize("block", [1, 3, CASES])
def test_a_row_does_not_depend_on_its_block(setting: Setting, block: int) -> None:
    make, seen = setting
    agent = make()
    parts = [agent.act(seen.take(np.arange(i, min(i + block, CASES)))) for i in range(0, CASES, block)]
    same(Output.join(parts), agent.act(seen))


def test_a_row_does_not_depend_on_the_order(setting: Setting) -> None:
    make, seen = setting
    agent, order = make(), np.array([4, 0, 6, 2, 5, 1, 3])
    same(agent.act(seen.take(order)), agent.act(seen).take(order))


def test_no_rows_are_no_trouble(setting: Setting) -> None:
    make, seen = setting
    assert len(make().act(seen.take(np.array([], np.int64)))) == 0


def test_missing_never_flags_and_is_never_an_answer(setting: Setting) -> None:
    make, seen = setting
    said = make().act(seen)
    missing = said["verdict"] == Verdict.MISSING
    if seen.role in RESPONDERS:
        np.testing.assert_array_equal(missing, ~said["present"].any(axis=1))
        assert not any(text is not None for text in said["text"][~said["present"]])
        assert not said["latent"][~said["present"]].any()
    elif seen.labels:
        np.testing.assert_array_equal(missing, said["label"] == -1)
        assert missing[2]  # there is no response to label
    elif seen.role is Role.JUDGE:
        np.testing.assert_array_equal(missing, said["chosen"] == -1)
        assert np.isnan(said["score"][missing]).all()
    else:
        assert not (said["finding_flag"] & ~said["finding_present"]).any()
        assert not (said["finding_present"] & ~said["finding_asked"]).any()
        assert not said["finding_severity"][~said["finding_flag"]].any()
        unread = (said["finding_asked"] & ~said["finding_present"]).any(axis=(1, 2))
        assert not (said["verdict"][unread] == Verdict.ACCEPT).any()
        assert not said["finding_present"][2].all()  # some response of case 2 is absent


def test_a_principle_that_does_not_apply_is_not_asked(setting: Setting) -> None:
    make, seen = setting
    said = make().act(seen)
    if "finding_asked" in said.columns and not seen.labels:
        np.testing.assert_array_equal(said["finding_asked"].any(axis=1)[:, 1], seen.cases.region_N == "north")


def test_hidden_text_stays_in_hidden_columns(setting: Setting) -> None:
    """What a critic or judge writes has no visible column to be in; a responder's only text is its answer."""
    make, seen = setting
    said = make().act(seen)
    visible = {c.name for c in COLUMNS[seen.role] if not c.hidden}
    texts = {name for name in visible if said[name].dtype == object}
    assert texts == ({"text"} if seen.role in RESPONDERS else set())
    findings = {c.name for c in COLUMNS[seen.role] if c.level is Level.FINDING}
    assert not findings & visible


def test_rows_survive_the_journal_exactly(setting: Setting) -> None:
    make, seen = setting
    said = make().act(seen)
    stored: list[dict[str, Any]] = json.loads(json.dumps(said.rows()))
    same(Output.from_rows(seen.role, stored, seen.width), said)


def test_costs_are_counted(setting: Setting) -> None:
    make, seen = setting
    said = make().act(seen)
    asked = {
        "base": np.full(CASES, 2),
        "reviser": np.where(np.arange(CASES) == 2, 0, 1),
        "label": np.where(np.arange(CASES) == 2, 0, 1),
        "judge": np.where(np.arange(CASES) == 2, 2, 4),  # both orders of each pair of unequal texts
    }
    if seen.role in RESPONDERS or seen.role is Role.JUDGE or seen.labels:
        name = "label" if seen.labels else seen.role.value
        np.testing.assert_array_equal(said["calls"], asked[name])
    else:
        assert seen.subject is not None
        verdicts = (said["finding_asked"] & seen.subject.present_NK[:, :, None]).sum(axis=(1, 2))
        own = seen.subject.present_NK.any(axis=1) if seen.critic is None and seen.role is Role.CRITIC else 0
        np.testing.assert_array_equal(said["calls"], verdicts + own + (seen.role is Role.SAFETY))
