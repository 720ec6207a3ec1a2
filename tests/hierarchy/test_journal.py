from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.columns import Output, Width
from agents.view import objects
from agents.vocabulary import Role
from constitutions.errors import InputError
from hierarchy.batch import Batch
from hierarchy.database import dump, load, pragmas, read, to_signed, to_unsigned
from hierarchy.journal import Journal
from hierarchy.memory import Memory

ROOT = Path(__file__).parents[2]
BIG = 2**64 - 1


CRITIC = Width(1, 2)


def batch(
    *cases: str, step: str = "critic@0", hash_: int | Sequence[int] = 7, arm: str = "panel", **said: Any
) -> Batch:
    """A critic's rows; `said` is one value per row, by column."""
    columns = {name: np.array(values) for name, values in said.items()}
    output = Output.of(Role.CRITIC, len(cases), CRITIC, **columns)
    return Batch(arm, step, objects(cases), np.broadcast_to(np.array(hash_, np.uint64), len(cases)), output)


def test_a_batch_comes_back_exactly(tmp_path: Path) -> None:
    hostile = objects(["ünï\u202e\x00\ud800", None, ""])
    findings: dict[str, Any] = {
        "finding_flag": np.array([[[True, False]], [[False, True]], [[True, True]]]),
        "finding_severity": np.array([[[0.1, np.nan]], [[5e-45, -0.0]], [[np.inf, -np.inf]]], np.float32),
    }
    numbers: dict[str, Any] = {"override": np.array([np.nan, np.inf, -0.0], np.float32), "tokens": [2**31 - 1, 0, -1]}
    critic = Output.of(Role.CRITIC, 3, CRITIC, critique=hostile, **numbers, **findings)
    base = Output.of(
        Role.BASE,
        3,
        Width(2),
        text=np.array([["a", None], ["\ud800", "b"], ["", "c"]], object),
        latent=np.array([[BIG, 0], [1, 2], [3, 2**63]], np.uint64),
    )
    judge = Output.of(Role.JUDGE, 3, Width(4, 2, 4), score=np.full((3, 4), np.nan, np.float32))
    keys = objects(["1", "ü", "3"]), np.array([BIG, 0, 2**63], np.uint64)
    given = [Batch("a", "s", *keys, critic), Batch("a", "t", *keys, base), Batch("b", "s", *keys, judge)]
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        assert journal.record(given) == 9
    with Journal.open(tmp_path / "journal.sqlite", create=False) as journal:
        back = journal.known(["ü"])
    assert [(one.arm, one.step) for one in back] == [(one.arm, one.step) for one in given]
    for found, wanted in zip(back, given, strict=True):
        assert found.case_id_N.tolist() == keys[0].tolist()
        assert found.hash_N.tolist() == keys[1].tolist()
        assert found.output.role is wanted.output.role
        for name, column in wanted.output.columns.items():
            assert found.output[name].dtype == column.dtype
            assert found.output[name].shape == column.shape
            assert repr(found.output[name].tolist()) == repr(column.tolist())


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=8))
@settings(max_examples=100)
def test_json_loses_nothing(value: object) -> None:
    assert repr(load(dump(value))) == repr(value)


@given(st.integers(0, BIG))
@settings(max_examples=100)
def test_hashes_keep_all_64_bits(number: int) -> None:
    assert -(2**63) <= to_signed(number) < 2**63
    assert to_unsigned(to_signed(number)) == number


def test_the_first_row_of_a_key_stays(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        assert journal.record([batch("1", "2", verdict=[1, 1])]) == 2
        assert journal.record([batch("2", "3", "3", verdict=[3, 3, 9])]) == 1
        assert journal.record([batch("1", "2", verdict=[4, 4]), batch("3", verdict=[4])]) == 0
        assert journal.record([]) == journal.record([batch()]) == 0
        assert [(e.case_id, e.row["verdict"]) for e in journal.entries()] == [("1", 1), ("2", 1), ("3", 3)]
        assert journal.count() == 3
        assert [one.case_id_N.tolist() for one in journal.known(["1", "3"])] == [["1", "2"], ["3"]]


def test_every_part_of_the_key_counts(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        others = [batch("1", "2"), batch("1", step="judge@0"), batch("1", hash_=8), batch("1", arm="ladder")]
        assert journal.record(others) == 5


def test_known_are_the_batches_of_any_arm_that_have_one_of_the_cases(tmp_path: Path) -> None:
    cases = [str(i) for i in range(40_000)]  # more than a statement takes as parameters
    with Journal.open(tmp_path / "j") as journal:
        journal.record([batch(*cases[:20_000]), batch(*cases[20_000:]), batch("0", arm="x", hash_=BIG), batch("y")])
        assert [len(one.case_id_N) for one in journal.known(cases)] == [20_000, 20_000, 1]
        assert [(one.arm, one.hash_N.tolist()) for one in journal.known(["0"])[1:]] == [("x", [BIG])]
        assert journal.known(["absent"]) == journal.known([]) == []


def test_entries_may_be_read_while_writing(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        journal.record([batch("1", "2"), batch("1", step="b"), batch("0", arm="alone")])
        reading = journal.entries()
        first = next(reading)
        journal.record([batch("9", step="late")])  # would wait for ever if the reader held its transaction
        keys = [(e.arm, e.case_id, e.step) for e in (first, *reading)]
        assert keys == [
            ("panel", "1", "critic@0"),
            ("panel", "2", "critic@0"),
            ("panel", "1", "b"),
            ("alone", "0", "critic@0"),
            ("panel", "9", "late"),
        ]
        assert [e.case_id for e in journal.entries("alone")] == ["0"]


def test_meta_is_kept(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        assert journal.meta("config") is None
        journal.set_meta("config", "abc")
        journal.set_meta("config", "abd")
    with Journal.open(tmp_path / "j") as journal:
        assert journal.meta("config") == "abd"


def test_old_sqlite_never_uses_wal() -> None:
    assert "journal_mode=DELETE" in pragmas((3, 51, 2))
    assert "synchronous=EXTRA" in pragmas((3, 51, 2))
    assert "journal_mode=WAL" in pragmas((3, 51, 3))
    assert "synchronous=FULL" in pragmas((3, 51, 3))


def test_connections_are_set_up(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal, read(journal._engine) as connection:
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
        assert values == (["delete", 3] if sqlite3.sqlite_version_info < (3, 51, 3) else ["wal", 2])
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_what_cannot_be_opened_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no database, " * 100)
    (tmp_path / "folder").mkdir()
    sqlite3.connect(tmp_path / "foreign").close()
    for target, create, words in [
        (tmp_path / "text", True, "not a database"),
        (tmp_path / "folder", True, "folder"),
        (tmp_path / "no" / "such", True, "does not exist"),
        (tmp_path / "absent", False, "no such file"),
        (tmp_path / "foreign", False, "no such table"),
        ("sqlite://", True, "in memory"),
        ("what://ever", True, "what"),
        ("://", True, "accepted"),
    ]:
        with pytest.raises(InputError, match=words):
            Journal.open(target, create=create)
    assert not (tmp_path / "absent").exists()


def test_a_damaged_journal_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal.open(path) as journal:
        journal.record([batch(str(i), critique=[f"{i}" * 200]) for i in range(500)])
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\x55" * (len(data) - 4096))
    with pytest.raises(InputError, match="malformed"), Journal.open(path, create=False) as journal:
        journal.count()


WRITER = """
import sys
from hierarchy.journal import Journal
from tests.hierarchy.test_journal import batch
journal, number = Journal.open(sys.argv[1]), 0
while True:
    journal.record([batch(*[f"{number}/{i}" for i in range(25 * k, 25 * k + 25)]) for k in range(2)])
    print(number, flush=True)
    number += 1
"""


def test_kill_in_mid_loop_leaves_whole_batches_and_every_acknowledged_one(tmp_path: Path) -> None:
    path = tmp_path / "j"
    for stop_after in (1, 7):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=_env()
        )
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline() for _ in range(stop_after)][-1]
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.communicate()[0].split()
        last = int(rest[-1] if rest else acknowledged)
        with Journal.open(path) as journal:
            cases = [e.case_id for e in journal.entries()]
            assert journal.count() == len(cases)
        batches = {int(case.split("/")[0]) for case in cases}
        assert len(cases) == 50 * len(batches)
        assert batches in (set(range(last + 1)), set(range(last + 2)))
        path.unlink()


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_any_arrow_library_reads_a_batch(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        journal.record([batch("1", "2", verdict=[1, 2], finding_flag=[[[True, False]], [[False, False]]])])
    connection = sqlite3.connect(tmp_path / "j")
    head, body = (
        pa.ipc.open_stream(part).read_all() for part in connection.execute("SELECT head, body FROM batch").fetchone()
    )
    connection.close()
    assert head.to_pydict() == {"case_id": [b"1", b"2"], "input_hash": [7, 7]}
    assert body["verdict"].to_pylist() == [1, 2]
    assert body["finding_flag"].to_pylist() == [[True, False], [False, False]]


def test_a_memory_finds_the_steps_own_row_and_else_the_first_of_any() -> None:
    memory = Memory([batch("1", "2", hash_=[5, 6], verdict=[1, 1]), batch("2", step="judge@0", hash_=6, verdict=[2])])
    memory.add(batch("3", arm="other", hash_=9, verdict=[3]))

    def find(step: str, cases: list[str], hashes: list[int]) -> tuple[list[int], list[int]]:
        have, said = memory.find("panel", step, objects(cases), np.array(hashes, np.uint64))
        return have.tolist(), [] if said is None else said["verdict"].tolist()

    assert find("judge@0", ["3", "2", "0", "1"], [9, 6, 4, 5]) == ([0, 1, 3], [3, 2, 1])
    assert find("critic@0", ["2", "1"], [6, 5]) == ([0, 1], [1, 1])
    assert find("new", ["2"], [6]) == ([0], [1])
    assert find("new", ["2"], [7]) == ([], [])
    assert find("critic@0", ["1"], [6]) == ([], [])  # the hash of another case's question
