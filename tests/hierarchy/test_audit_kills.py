"""`kill -9` before and after every kind of commit: nothing that was acknowledged is lost, nothing happens twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import State
from hierarchy.audit.schema import DECISION, ITEM, OUTBOX
from hierarchy.audit.verify import faults
from hierarchy.database import read
from hierarchy.journal import Journal

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("audit_killing.py")
POINTS = 40


@contextmanager
def killer(database: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    worker = subprocess.Popen(
        [sys.executable, WORKER, database, folder / "journal.sqlite", folder / "notes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with worker:
        yield worker
        assert worker.stdin is not None
        worker.stdin.close()


def child(worker: subprocess.Popen[str], number: int, point: int, side: str) -> str:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(f"{number} {point} {side}\n")
    worker.stdin.flush()
    return worker.stdout.readline().strip()


def kill_many(database: str, folder: Path, wanted: int) -> None:
    """Kill at commit 1, 2, ... of one child after another, before it and after it, and check all that is left."""
    with AuditQueue.open(database, "run") as queue:
        kills: Counter[tuple[int, str]] = Counter()
        number, heads = 0, []
        with killer(database, folder) as worker:
            while kills.total() < wanted:
                number += 1
                point, side = 1 + (number // 2) % POINTS, ("before", "after")[number % 2]
                ended = child(worker, number, point, side)
                assert ended in ("killed", "ended 0"), ended
                kills[point, side] += ended == "killed"
                heads.append(queue.trail.head())
            assert child(worker, number + 1, 0, "-") == "ended 0"
        assert len(kills) >= min(wanted, 50) * 0.6, f"the kills fell on few points: {kills}"
        assert faults(queue.engine, "run", heads) == []
        check_promises(queue, notes_of(folder))
        check_journal(queue, folder)


def notes_of(folder: Path) -> dict[tuple[str, str], list[Any]]:
    """What was begun and what returned, by call."""
    notes: dict[tuple[str, str], list[Any]] = {}
    for line in (folder / "notes").read_text().splitlines():
        stage, what, names = json.loads(line)
        notes.setdefault((stage, what), []).append(tuple(names))
    return notes


def check_promises(queue: AuditQueue, notes: dict[tuple[str, str], list[Any]]) -> None:
    """Whatever returned has its effect, once; and there is nothing that nobody began."""
    with read(queue.engine) as connection:
        items = connection.execute(select(ITEM.c.case_id, ITEM.c.epoch, ITEM.c.state).where(ITEM.c.run == "run")).all()
        given = connection.execute(
            select(ITEM.c.case_id, ITEM.c.epoch, DECISION.c.auditor, DECISION.c.undone)
            .join(DECISION, DECISION.c.item_id == ITEM.c.id)
            .where(ITEM.c.run == "run")
        ).all()
    keys = [(row.case_id, row.epoch) for row in items]
    assert len(set(keys)) == len(keys)
    assert {(case, 0) for (case,) in notes["returned", "enqueue"]} <= set(keys)
    assert {case for case, _ in keys} <= {case for (case,) in notes["begun", "enqueue"]}
    assert {(case, epoch + 1) for case, epoch in notes["returned", "reopen"]} <= set(keys)
    assert {row.state for row in items} == {State.SETTLED}, "the last child decided everything"
    standing = Counter((row.case_id, row.epoch, row.auditor) for row in given if not row.undone)
    assert set(standing.values()) == {1}
    assert set(notes["returned", "decide"]) <= {(row.case_id, row.epoch, row.auditor) for row in given}
    assert set(notes["returned", "undo"]) <= {(r.case_id, r.epoch, r.auditor) for r in given if r.undone}
    assert any(row.epoch for row in items)
    assert any(row.undone for row in given)


def check_journal(queue: AuditQueue, folder: Path) -> None:
    """The journal has every case and epoch once, with the decision that settled it."""
    with read(queue.engine) as connection:
        rows = connection.execute(
            select(ITEM.c.case_id, ITEM.c.epoch, DECISION.c.verdict, DECISION.c.auditor, OUTBOX.c.applied)
            .join_from(OUTBOX, ITEM, OUTBOX.c.item_id == ITEM.c.id)
            .join(DECISION, DECISION.c.id == OUTBOX.c.decision_id)
            .where(ITEM.c.run == "run")
        ).all()
    assert all(row.applied for row in rows)
    settled = {(row.case_id, row.epoch): (row.verdict, row.auditor) for row in rows}
    with Journal.open(folder / "journal.sqlite") as journal:
        entries = [(e.case_id, e.epoch, e.row["verdict"], e.row["auditor"]) for e in journal.entries()]
    assert len(entries) == len(settled)
    assert {(case, epoch): (verdict, auditor) for case, epoch, verdict, auditor in entries} == settled


def test_a_hundred_kills_on_two_databases_lose_nothing_and_do_nothing_twice(database: str, tmp_path: Path) -> None:
    kill_many(database, tmp_path, 60 if database.endswith(".sqlite") else 40)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_a_thousand_kills_lose_nothing_and_do_nothing_twice(database: str, tmp_path: Path) -> None:
    kill_many(database, tmp_path, 1_000)
