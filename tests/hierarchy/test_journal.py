from __future__ import annotations

import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitutions.errors import InputError
from hierarchy.database import dump, load, pragmas, read, to_signed, to_unsigned
from hierarchy.journal import Entry, Journal

ROOT = Path(__file__).parents[2]
BIG = 2**64 - 1


def entry(case: str, step: str = "critic@0", hash_: int = 7, arm: str = "panel", **row: object) -> Entry:
    return Entry(arm, case, step, hash_, dict(row))


def test_a_row_comes_back_exactly(tmp_path: Path) -> None:
    row = {
        "verdict": 2,
        "latent": [BIG, 0],
        "severity": 0.1 + 0.2,
        "tiny": 5e-324,
        "single": 0.30000001192092896,
        "nan": math.nan,
        "inf": -math.inf,
        "zero": -0.0,
        "none": None,
        "flags": [[True, False], [False, True]],
        "text": ["ünï\u202e\x00\ud800", None],
    }
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        journal.record([Entry("a", "c", "s", BIG, row)])
    with Journal.open(tmp_path / "journal.sqlite", create=False) as journal:
        (back,) = journal.entries()
    assert back.input_hash == BIG
    assert repr(back.row) == repr(row)
    assert type(back.row["flags"][0][0]) is bool


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=8))
@settings(max_examples=100, deadline=None)
def test_json_loses_nothing(value: object) -> None:
    assert repr(load(dump(value))) == repr(value)


@given(st.integers(0, BIG))
@settings(max_examples=100, deadline=None)
def test_hashes_keep_all_64_bits(number: int) -> None:
    assert -(2**63) <= to_signed(number) < 2**63
    assert to_unsigned(to_signed(number)) == number


def test_the_first_row_of_a_key_stays(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        assert journal.record([entry("1", verdict=1), entry("2", verdict=1)]) == 2
        assert journal.record([entry("2", verdict=3), entry("3", verdict=3), entry("3", verdict=9)]) == 1
        assert journal.record([]) == 0
        assert [e.row["verdict"] for e in journal.entries()] == [1, 1, 3]
        assert journal.count() == 3


def test_every_part_of_the_key_counts(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        others = [entry("1"), entry("2"), entry("1", step="judge@0"), entry("1", hash_=8), entry("1", arm="ladder")]
        assert journal.record(others) == 5


def test_lookup_answers_in_the_order_asked_across_chunks(tmp_path: Path) -> None:
    cases = [str(i) for i in range(4500)]
    with Journal.open(tmp_path / "j") as journal:
        journal.record([entry(case, hash_=BIG - int(case), n=int(case)) for case in cases if int(case) % 2])
        asked = cases[::-1]
        rows = journal.lookup("panel", "critic@0", asked, [BIG - int(case) for case in asked])
        assert [row and row["n"] for row in rows] == [int(case) if int(case) % 2 else None for case in asked]
        assert journal.lookup("panel", "critic@0", ["1"], [BIG]) == [None]
        assert journal.lookup("panel", "judge@0", ["1"], [BIG - 1]) == [None]
        assert journal.lookup("panel", "critic@0", [], []) == []


def test_known_ships_every_row_of_the_cases_of_one_arm(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        journal.record([entry("1", a=1), entry("1", step="judge@0", hash_=BIG, b=2), entry("2"), entry("1", arm="x")])
        assert journal.known("panel", ["1", "9"]) == {("critic@0", "1", 7): {"a": 1}, ("judge@0", "1", BIG): {"b": 2}}


def test_entries_are_ordered_and_may_be_read_while_writing(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        journal.record([entry(f"{i:05}", step=step) for i in range(6000) for step in ("b", "a")])
        journal.record([entry("0", arm="alone")])
        reading = journal.entries()
        first = next(reading)
        journal.record([entry("99999", step="late")])  # would wait for ever if the reader held its transaction
        keys = [(e.arm, e.case_id, e.step) for e in (first, *reading)]
        assert keys == sorted(keys)
        assert len(keys) == 12_002
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
        journal.record([entry(str(i), text="x" * 200) for i in range(500)])
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\x55" * (len(data) - 4096))
    with pytest.raises(InputError, match="malformed"), Journal.open(path, create=False) as journal:
        journal.count()


WRITER = """
import sys
from hierarchy.journal import Entry, Journal
journal, batch = Journal.open(sys.argv[1]), 0
while True:
    journal.record([Entry("a", f"{batch}/{i}", "s", i, {"text": "x" * 300}) for i in range(50)])
    print(batch, flush=True)
    batch += 1
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
        batches = {int(case.split("/")[0]) for case in cases}
        assert len(cases) == 50 * len(batches)
        assert batches in (set(range(last + 1)), set(range(last + 2)))
        path.unlink()


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_payloads_are_plain_json(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        journal.record([entry("1", verdict=1)])
    connection = sqlite3.connect(tmp_path / "j")
    (text,) = connection.execute("SELECT row FROM entry").fetchone()
    connection.close()
    assert json.loads(text) == {"verdict": 1}
