"""Recorded and scripted models: read strictly, missing where nothing was said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.agent import Agent
from agents.models import build_model
from agents.models.recorded import read_rows
from agents.spec import AgentSpec, RecordedSpec, ScriptedSpec
from agents.vocabulary import Verdict
from constitutions.errors import InputError
from tests.agents.makers import agent, record, view


def write(path: Path, data: str | bytes) -> str:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


def test_what_was_logged_is_what_is_said(tmp_path: Path) -> None:
    made = agent(RecordedSpec(path=str(record(tmp_path)), text="answer", label="verdict"))
    text = made.act(view("base"))["text"]
    assert text[:, 0].tolist() == ["answer 0", None, "answer 2", "answer 3", "answer 4", None, "answer 6"]
    said = made.act(view("label"))
    # c2 has no response; c3's verdict is prose; c5 was never logged
    assert said["label"].tolist() == [0, 1, -1, -1, 0, -1, 0]
    assert (said["verdict"] == Verdict.MISSING).tolist() == [False, False, True, True, False, True, False]


def test_labels_are_renamed_to_the_graphs(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "id,label\nc0,1_full\nc1,9_odd\n")
    renamed = agent(RecordedSpec(path=path, label="label", labels={"1_full": "yes"})).act(view("label"))
    assert renamed["label"][:2].tolist() == [0, -1]


def test_jsonl_and_csv_say_the_same(tmp_path: Path) -> None:
    csv_ = write(tmp_path / "a.csv", '\ufeffid,text\n1,"two\nlines, and a comma"\n2,ä\n')
    jsonl = write(tmp_path / "a.jsonl", '{"id": 1, "text": "two\\nlines, and a comma"}\n\n{"id": 2, "text": "ä"}\n')
    rows = [[(str(row["id"]), row["text"]) for row in read_rows(path, ["id", "text"])] for path in (csv_, jsonl)]
    assert rows[0] == rows[1] == [("1", "two\nlines, and a comma"), ("2", "ä")]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", "id,texts\n1,x\n", ["a.csv:1", "no column 'text'", "there are: id, texts"]),
        ("a.csv", "id,texts\n", ["a.csv:1", "no column 'text'"]),
        ("a.csv", "id,text\n", ["a.csv", "empty", "at least one row"]),
        ("a.csv", "", ["a.csv", "empty"]),
        ("a.csv", b"id,text\n1,x\n2,\xff\xfe\n", ["a.csv:3", "not UTF-8"]),
        ("a.csv", "id,text\n1,x\n2\n", ["a.csv:3", "2 columns"]),
        ("a.csv", "id,text\n1,x\n2,y\n1,z\n", ["a.csv:4", "'1' occurs twice"]),
        ("a.csv", 'id,text\n1,"x\n', ["a.csv:", "comma-separated"]),
        ("a.jsonl", '{"id": 1, "text": "x"}\n{"id": 2}\n', ["a.jsonl:2", "no column 'text'", "there are: id"]),
        ("a.jsonl", '{"id": 1, "text": "x"}\nnot json\n', ["a.jsonl:2", "one JSON object per line"]),
        ("a.jsonl", "[1]\n", ["a.jsonl:1", "one JSON object per line"]),
        ("a.jsonl", b'{"id": 1, "text": "\xc3"}\n', ["a.jsonl:1", "not UTF-8"]),
        ("a.parquet", "x", ["a.parquet", "expected a .csv or .jsonl file"]),
    ],
)
def test_a_bad_file_is_one_line_with_file_and_place(
    tmp_path: Path, name: str, data: str | bytes, words: list[str]
) -> None:
    path = write(tmp_path / name, data)
    with pytest.raises(InputError) as error:
        build_model(RecordedSpec(path=path, text="text"))
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv: no such file"):
        build_model(RecordedSpec(path=str(tmp_path / "gone.csv")))


def test_a_recorded_agent_without_the_needed_column_says_so(tmp_path: Path) -> None:
    made = agent(RecordedSpec(path=str(record(tmp_path))))
    with pytest.raises(InputError, match="no `text` column is named"):
        made.act(view("base"))
    with pytest.raises(InputError, match="no `label` column is named"):
        made.act(view("label"))


@pytest.mark.parametrize("name", ["nowhere:f", "tests.agents.scripts:nothing", "tests.agents.scripts", ":f", ""])
def test_a_function_that_cannot_be_imported_is_named(name: str) -> None:
    with pytest.raises(InputError, match="module:function"):
        build_model(ScriptedSpec(generate=name))


def test_a_name_that_is_no_function_is_refused() -> None:
    with pytest.raises(InputError, match="not callable"):
        build_model(ScriptedSpec(score="tests.agents.scripts:NOT_CALLABLE"))


def test_a_scripted_agent_is_asked_only_for_what_it_has() -> None:
    made = agent(ScriptedSpec(score="tests.agents.scripts:firm"))
    with pytest.raises(InputError, match="no `generate` function"):
        made.act(view("base"))


def test_numbers_that_are_no_probabilities_are_missing() -> None:
    made = agent(ScriptedSpec(score="tests.agents.scripts:infinite"), critique=False)
    said = made.act(view("critic"))
    assert not said["finding_present"].any()
    assert (said["verdict"] == Verdict.MISSING).all()


def test_agents_are_checked_without_loading_weights(tiny: Path, tmp_path: Path) -> None:
    from agents.spec import TransformersSpec

    agent(TransformersSpec(path=str(tiny))).check()
    bad = [
        AgentSpec(model=TransformersSpec(path=str(tmp_path))),
        AgentSpec(model=RecordedSpec(path=str(tmp_path / "gone.csv"))),
        AgentSpec(model=ScriptedSpec(score="nowhere:f")),
        AgentSpec(model=ScriptedSpec(), style="nowhere.yaml"),
    ]
    for spec in bad:
        with pytest.raises(InputError):
            Agent("x", spec, 1).check()


def test_what_a_recorded_agent_says_does_not_depend_on_round_or_seed(tmp_path: Path) -> None:
    spec = RecordedSpec(path=str(record(tmp_path)), text="answer")
    first, second = agent(spec, seed=1).act(view("base")), agent(spec, seed=2).act(replace(view("base"), round=2))
    np.testing.assert_array_equal(first["text"], second["text"])
