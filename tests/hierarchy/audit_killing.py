"""A process that works on an audit queue and kills itself at a named point: before or after one of its commits.

`python audit_killing.py DATABASE JOURNAL NOTES` reads one line a child, `NUMBER POINT SIDE` (point 0: none), forks, and
prints how the child ended. The child notes every call before and after it in NOTES, so that whoever reads them knows
what was promised. Everything it does can be done again by the next child.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from agents.columns import Output, Width
from agents.view import objects
from agents.vocabulary import Role, Verdict
from constitutions.errors import InputError
from hierarchy import database as database_module
from hierarchy.audit.decision import Decision
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Item, OutboxRow
from hierarchy.batch import Batch
from hierarchy.journal import Journal

STEP = "human@0"


class Notes:
    """Calls that were begun and calls that returned, a JSON line each."""

    def __init__(self, path: str) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def call(self, what: str, names: list[Any], made: Callable[[], Any]) -> Any:
        os.write(self.file, (json.dumps(["begun", what, names]) + "\n").encode())
        result = made()
        os.write(self.file, (json.dumps(["returned", what, names]) + "\n").encode())
        return result


def work(queue: AuditQueue, journal: Journal, notes: Notes, number: int) -> None:
    """Two new cases, one that is due at once; everything open decided; an undoing, an appeal, the outbox applied."""
    now = 1_000.0 * number
    for k in range(3):
        case = f"c{number}.{k}"
        item = Item(
            "layers", case, STEP, 7, {}, enqueued_at=now, due_at=now + (1 if k == 2 else 1e9), reviewers=1 + k % 2
        )
        notes.call("enqueue", [case], lambda item=item: queue.enqueue([item]))
    notes.call("expire", [number], lambda: queue.expire(now + 2))
    for auditor in ("ann", "bob", "eve"):
        for _ in range(2):
            one_decision(queue, notes, number, auditor, now + 3)
    apply(queue, journal, notes)


def one_decision(queue: AuditQueue, notes: Notes, number: int, auditor: str, now: float) -> None:
    adjudicates = auditor == "eve"
    claim = notes.call("claim", [auditor], lambda: queue.claim(auditor, now, 60.0, adjudicate=adjudicates))
    if claim is None:
        return
    case, epoch = claim.item.case_id, claim.item.epoch
    verdict = Verdict.ACCEPT if auditor == "ann" or number % 2 else Verdict.REJECT
    if auditor == "ann" and number % 3 == 0 and not queue.trail.head().seq % 2:
        first = Decision(Verdict.REJECT, auditor)
        notes.call("draft", [case], lambda: queue.drafts.save(claim.item.key, auditor, first.to_dict(), now))
        notes.call("decide", [case, epoch, auditor], lambda: queue.decide(claim, first, now))
        try:
            notes.call("undo", [case, epoch, auditor], lambda: queue.undo(claim.item.key, auditor, now))
        except InputError:
            return
        queue.decide(claim.item.key, Decision(verdict, auditor), now)
        return
    notes.call("decide", [case, epoch, auditor], lambda: queue.decide(claim, Decision(verdict, auditor), now))
    if auditor == "bob" and epoch == 0 and number % 4 == 0:
        try:
            notes.call("reopen", [case, epoch], lambda: queue.reopen(case, "an appeal", "eve", now))
        except InputError:
            return


def batch(row: OutboxRow) -> Batch:
    """What the journal keeps of a decision."""
    said = {"verdict": np.array([int(row.decision.verdict)]), "auditor": objects([row.decision.auditor])}
    output = Output.of(Role.AUDITOR, 1, Width(1, 0, 0), **said)
    hashes = np.array([row.input_hash], np.uint64)
    return Batch(row.arm, row.step, objects([row.case_id]), hashes, output, row.epoch)


def apply(queue: AuditQueue, journal: Journal, notes: Notes) -> None:
    """What the run's writer does with the outbox: to the journal first, then off the list."""
    rows = queue.outbox()
    journal.record([batch(row) for row in rows])
    notes.call(
        "applied", [[row.case_id, row.epoch] for row in rows], lambda: queue.mark_applied([row.id for row in rows])
    )


def finish(queue: AuditQueue, journal: Journal, notes: Notes) -> None:
    """Decide whatever still waits, and apply everything."""
    for auditor in ("ann", "bob", "eve"):
        while (claim := queue.claim(auditor, 1e8, 60.0, adjudicate=auditor == "eve")) is not None:
            queue.decide(claim, Decision(Verdict.ACCEPT, auditor), 1e8)
    apply(queue, journal, notes)


def dying(queue: AuditQueue, journal: Journal, point: int, side: str) -> None:
    """Kill this process before or after the given commit of the queue or the journal, from 1 on."""
    commits = 0
    for engine in (queue.engine, journal._engine):

        def commit(connection: Any, really: Callable[[Any], None] = engine.dialect.do_commit) -> None:
            nonlocal commits
            commits += 1
            if commits == point and side == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            really(connection)
            if commits == point:
                os.kill(os.getpid(), signal.SIGKILL)

        engine.dialect.do_commit = commit  # type: ignore[method-assign]


def warm(database: str, folder: str) -> AuditQueue:
    """A queue whose statements are compiled already, on no connection: a child that starts with it is quick."""
    with AuditQueue.open(database, "warm") as queue, Journal.open(f"{folder}.warm") as journal:
        work(queue, journal, Notes(os.devnull), 12)
        return AuditQueue(queue.engine, "run", 0)


def child(queue: AuditQueue, journal: Journal, notes: Notes, number: int, point: int, side: str) -> None:
    if point:
        dying(queue, journal, point, side)
        work(queue, journal, notes, number)
    else:
        finish(queue, journal, notes)


def main() -> None:
    # What a killed process wrote the machine still has; only a power cut would need it synced.
    database_module.pragmas = lambda version: ("synchronous=OFF", "foreign_keys=ON")
    database, journal_path, notes_path = sys.argv[1:]
    queue = warm(database, journal_path)
    with Journal.open(journal_path) as journal:
        journal.count()
    for line in sys.stdin:
        number, point, side = line.split()
        pid = os.fork()
        if pid == 0:
            try:
                child(queue, journal, Notes(notes_path), int(number), int(point), side)
                os._exit(0)
            except Exception:  # noqa: BLE001 - told to the parent by the exit code, and here
                traceback.print_exc()
            finally:
                os._exit(1)
        _, status = os.waitpid(pid, 0)
        print("killed" if os.WIFSIGNALED(status) else f"ended {os.WEXITSTATUS(status)}", flush=True)


if __name__ == "__main__":
    main()
