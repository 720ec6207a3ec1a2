"""Hostile text through a whole run and every command that shows, stores, exports or imports it."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from typer.testing import CliRunner

from agents.records import Message
from constitutions.errors import InputError
from experiments.audit.run_queue import existing_queue
from experiments.cases import load_cases
from experiments.cli import app
from experiments.config import ExperimentSpec, FileData
from experiments.folder import RunFolder
from experiments.prepare import prepare_arms
from experiments.report.data import Data
from experiments.report.report import report_html
from experiments.results.run import RunResults, read_results
from experiments.results.transcripts import Turn
from experiments.run import resume_run
from experiments.show import case_tree
from experiments.transcripts import transcript
from hierarchy.audit.safe_text import visible
from hierarchy.executor import read_back
from hierarchy.journal import Journal
from tests.experiments.page import Page
from tests.experiments.scripted_runs import in_a_terminal, run, without_colours
from tests.hierarchy.graphs import without_syncing
from tests.hostile import BIDI, HOSTILE, MARKUP, TABLES, TEMPLATES, TERMINAL, storable

SAID = [text for text in storable() if text.strip()]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which every string is a prompt and its answer, and the critiques are others; all wait for a person."""
    with pytest.MonkeyPatch.context() as patch:
        without_syncing(patch)
        done = run(tmp_path_factory.mktemp("hostile"), "tests.hostile_agents", SAID)
    assert done.waiting == len(SAID)
    return done.folder.path


@pytest.fixture
def copied(hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run, to be changed."""
    without_syncing(monkeypatch)
    shutil.copytree(hostile, tmp_path / "run")
    return tmp_path / "run"


def said(*words: str | Path, expect: int = 0) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == expect, result.output
    return result.output


def check_printed(printed: str) -> None:
    """Nothing that a terminal would obey, or that nobody would see. (A code that was cut is none, and no forgery.)"""
    for line in without_colours(printed).replace("⟦", "[").split("\n"):
        assert visible(line) == line


def test_the_queue_and_the_journal_lose_nothing(hostile: Path) -> None:
    with existing_queue(hostile) as queue:
        items = sorted(queue.list_items(hidden=True), key=lambda item: item.case_id)
    assert [item.payload["messages"][0]["content"] for item in items] == SAID
    assert [item.payload["response"] for item in items] == SAID
    whole = {text for text in HOSTILE if text.strip()}
    halves = {re.sub("[\ud800-\udfff]", "\ufffd", text) for text in whole}
    critiques = [item.hidden["reviews"][0].get("critique") for item in items if item.hidden is not None]
    assert len(critiques) == len(items)
    assert set(critiques) - {None} <= whole | halves
    assert len(set(critiques)) > 100


def test_no_view_in_a_terminal_obeys(hostile: Path) -> None:
    for words in (("list",), ("list", "--hidden"), ("export",), ("auditors",)):
        check_printed(said("audit", words[0], hostile, *words[1:]))
    spec_cases, _ = load_cases(*_data(hostile))
    arm = prepare_arms(_spec(hostile))[0]
    with Journal.open(hostile / "journal.sqlite", create=False) as journal:
        for hidden, step in ((False, 5), (True, 2)):
            console = Console(width=100, file=io.StringIO(), force_terminal=True, color_system="truecolor")
            for n in range(0, len(SAID), step):
                rows = spec_cases.take(np.array([n]))
                console.print(case_tree(arm, rows, journal, hidden))
            assert isinstance(console.file, io.StringIO)
            printed = console.file.getvalue()
            assert "\x1b[1m" in printed, "the program's own colours are there"
            check_printed(printed)
    for text in ("\x1b[31m", "\u202e", "[/]", "'; DROP TABLE item; --"):
        check_printed(said("show", hostile, text, expect=2))
        check_printed(said("audit", "decide", hostile, text, "accept", expect=2))


def _spec(path: Path) -> ExperimentSpec:
    return RunFolder(path).spec()


def _data(path: Path) -> tuple[Any, int]:
    return _spec(path).dataset, _spec(path).seed


def test_the_worker_in_a_real_terminal_sends_nothing_of_the_text_but_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_syncing(monkeypatch)
    done = run(tmp_path, "tests.hostile_agents", ["\n".join(storable(TERMINAL)), "".join(storable(BIDI))])
    begun, back = (b"Nothing is changed yet", b"\x1b"), b"findings"
    first = [(b"case000", b"e"), begun, (back, b"s")]
    second = [(b"case001", b"e"), begun, (back, b"r"), (b"1 done", b"u"), (b"0 done", b"q")]
    code, sent = in_a_terminal(["audit", "work", done.folder.path, "--auditor", "ann"], [*first, *second])
    assert code == 0
    assert b"\xe2\x9f\xa6U+001B\xe2\x9f\xa7[31mred" in sent, "escapes are shown by their code"
    assert b"\xe2\x9f\xa6U+202E\xe2\x9f\xa7" in sent
    for told in (b"\x1b]0;a new", b"\x1b[2J\x1b[H cleared", b"\x1b]8;;http://evil", b"\x1b]52;c;cm0", b"\x1b]1337"):
        assert told not in sent
    assert not re.findall("[\u202a-\u202e\u2066-\u2069\u200b\U000e0041-\U000e007a]", sent.decode())
    with existing_queue(done.folder.path) as queue:
        kinds = [event.kind for event in queue.trail.events() if event.kind not in ("enqueue", "claim", "release")]
    assert kinds == ["skip", "decide", "undo"]


def test_an_export_is_a_line_a_case_and_comes_back_byte_for_byte(hostile: Path, tmp_path: Path) -> None:
    for words in ((), ("--hidden",)):
        said("audit", "export", hostile, "--out", tmp_path / "out.jsonl", *words)
        text = (tmp_path / "out.jsonl").read_bytes().decode()
        assert text.isascii()
        assert len(text.splitlines()) == text.count("\n") == len(SAID)
        records = [json.loads(line) for line in text.splitlines()]
        by_case = sorted(records, key=lambda record: record["case_id"])
        assert [record["payload"]["response"] for record in by_case] == SAID
        assert "".join(json.dumps(record) + "\n" for record in records) == text
    argilla = [json.loads(line) for line in said("audit", "export", hostile, "--format", "argilla").splitlines()]
    assert sorted(record["fields"]["response"] for record in argilla) == sorted(SAID)
    assert {frozenset(record["fields"]) for record in argilla} == {frozenset({"conversation", "response"})}
    tasks = json.loads(said("audit", "export", hostile, "--format", "label-studio"))
    assert sorted(task["data"]["response"] for task in tasks) == sorted(SAID)
    assert all(task["data"]["conversation"] == f"user: {task['data']['response']}" for task in tasks)


def with_transcripts(path: Path, text: str | None = None) -> RunResults:
    """The results of the run with every case as an example, whole; with `text` in place of every text."""
    cases, _ = load_cases(*_data(path))
    with Journal.open(path / "journal.sqlite", create=False) as journal:
        block = read_back(prepare_arms(_spec(path))[0], cases, journal)

    def turns(some: tuple[Turn, ...]) -> tuple[Turn, ...]:
        return some if text is None else tuple(Turn(speaker=turn.speaker, text=text) for turn in some)

    told = [transcript("everybody", block, n) for n in range(len(SAID))]
    shown = [t.model_copy(update={"visible": turns(t.visible), "hidden": turns(t.hidden)}) for t in told]
    return read_results(path).model_copy(update={"transcripts": tuple(shown)})


def test_the_report_has_every_text_and_no_element_of_it(hostile: Path) -> None:
    page, harmless = (Page(report_html(with_transcripts(hostile, text))) for text in (None, "harmless"))
    assert page.tags == harmless.tags
    assert page.attributes == harmless.attributes
    assert page.raw == harmless.raw
    check_printed(page.text.replace("\t", " "))
    for text in SAID:
        assert visible(text, lines=True) in page.text


def test_names_and_titles_are_as_hostile_and_as_harmless(hostile: Path) -> None:
    results = with_transcripts(hostile, "harmless")
    one, arm = results.transcripts[0], results.arms[0]

    def named(text: str) -> RunResults:
        turn = Turn(speaker=text, text=text)
        transcripts = (one.model_copy(update={"visible": (turn,), "case_id": text, "why": text}),)
        arms = (arm.model_copy(update={"title": text, "description": text}),)
        given = {"question": text, "name": text, "command": text, "config_yaml": text, "notes": (text,)}
        return results.model_copy(update={**given, "transcripts": transcripts, "arms": arms})

    harmless = Page(report_html(named("harmless")))
    for text in (MARKUP[0], MARKUP[6], TEMPLATES[0], TERMINAL[0], "".join(MARKUP), "".join(storable(BIDI + TERMINAL))):
        page = Page(report_html(named(text)))
        assert page.tags == harmless.tags
        assert [(tag, name) for tag, name, _ in page.attributes] == [
            (tag, name) for tag, name, _ in harmless.attributes
        ]
        check_printed(page.text.replace("\t", " "))


def test_cells_are_no_formulas() -> None:
    for text in TABLES:
        cell = Data(("name", "value"), ((text, -1.5),)).text().split("\n", 1)[1]
        assert not cell.lstrip('"').startswith(("=", "+", "-", "@", "\t", "\r")), text
        assert text.replace('"', '""') in cell
        assert cell.rstrip("\n").endswith(",-1.5")


def test_decisions_may_say_anything_and_reach_the_run_as_they_were(copied: Path, tmp_path: Path) -> None:
    answers = [
        {"case_id": f"case{n:03d}", "verdict": "revise", "text": f"{text}!", "auditor": "ann\u202e", "comment": text}
        for n, text in enumerate(SAID)
    ]
    # Raw separators and escapes alike: a line ends at a line feed, and nowhere else.
    lines = [json.dumps(answer, ensure_ascii=n % 2 == 0) for n, answer in enumerate(answers)]
    (tmp_path / "answers.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")
    assert f"{len(SAID)} decisions imported" in said("audit", "import", copied, tmp_path / "answers.jsonl")
    check_printed(said("audit", "auditors", copied))
    exported = [json.loads(line) for line in said("audit", "export", copied).splitlines()]
    given = {record["case_id"]: record["decisions"][0] for record in exported}
    assert [given[answer["case_id"]]["text"] for answer in answers] == [answer["text"] for answer in answers]
    assert [given[answer["case_id"]]["comment"] for answer in answers] == [answer["comment"] for answer in answers]
    resume_run(copied)
    rows = pq.read_table(copied / "records" / "visible.parquet").to_pylist()
    texts = {row["case_id"]: row["text"] for row in rows if row["role"] == "auditor"}
    assert [texts[answer["case_id"]] for answer in answers] == [answer["text"] for answer in answers]
    assert "exported heads are in place" in said("audit", "verify", copied)


def test_the_journal_gives_back_what_was_said(hostile: Path) -> None:
    cases, _ = load_cases(*_data(hostile))
    arm = prepare_arms(_spec(hostile))[0]
    with Journal.open(hostile / "journal.sqlite", create=False) as journal:
        block = read_back(arm, cases, journal)
    assert block.said(block.plan.steps[0].index)["text"][:, 0].tolist() == SAID


def test_a_log_repeats_no_text(hostile: Path) -> None:
    log = (hostile / "run.log").read_text()
    for text in SAID:
        if len(text) > 8:
            assert text not in log


def test_half_a_surrogate_pair_is_refused_in_a_file_and_told_in_an_answer(tmp_path: Path) -> None:
    (tmp_path / "cases.jsonl").write_text('{"id": "1", "prompt": "a"}\n{"id": "2", "prompt": "\\ud83d"}\n')
    with pytest.raises(InputError, match=r"cases.jsonl:2: half of a surrogate pair"):
        load_cases(FileData(path=str(tmp_path / "cases.jsonl")), 0)
    done = run(tmp_path, "tests.experiments.test_hostile_text", ["say it"])
    with existing_queue(done.folder.path) as queue:
        (item,) = queue.list_items()
    assert item.payload["response"] == "cut off \ufffd"


def answer(messages: list[Message], seed: int) -> str:
    """An answer that was cut off within a character."""
    return "cut off \ud83d"


def critique(messages: list[Message], seed: int) -> str:
    return "fine"


def verdict(messages: list[Message], labels: tuple[str, ...]) -> list[float]:
    return [1.0] * len(labels)
