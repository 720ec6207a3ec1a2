"""The audit queue under several processes and kills, on both databases."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from agents.vocabulary import Verdict
from hierarchy.audit.decision import Decision
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Item
from hierarchy.audit.verify import faults

ROOT = Path(__file__).parents[2]
CLAIMER = """
import sys
from agents.vocabulary import Verdict
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.decision import Decision
path, name, decides, most = *sys.argv[1:4], int(sys.argv[4])
with AuditQueue.open(path, "run") as queue:
    while most and (claim := queue.claim(name, 0.0, 60.0)) is not None:
        print("claimed", claim.item.case_id, flush=True)
        if decides == "yes":
            queue.decide(claim, Decision(Verdict.ACCEPT, name), 1.0)
            print("decided", claim.item.case_id, flush=True)
        most -= 1
sys.stdin.read()
"""


def start(path: str, name: str, decides: str, most: int = 1_000) -> subprocess.Popen[str]:
    """A process that claims, and decides, at most so many cases, and ends when there is nothing more to be read."""
    return subprocess.Popen(
        [sys.executable, "-c", CLAIMER, path, name, decides, str(most)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def items(count: int, reviewers: int = 1) -> list[Item]:
    return [Item("layers", f"c{i}", "human@0", i, {}, reviewers=reviewers) for i in range(count)]


def test_two_processes_never_hold_the_same_case(database: str) -> None:
    with AuditQueue.open(database, "run") as queue:
        queue.enqueue(items(80))
    claimers = [start(database, name, "no") for name in ("ann", "bob")]
    held = [worker.communicate()[0].split()[1::2] for worker in claimers]
    assert [worker.returncode for worker in claimers] == [0, 0]
    assert Counter(held[0] + held[1]) == Counter(f"c{i}" for i in range(80))


def test_servers_that_share_a_queue_give_a_case_to_as_many_people_as_it_needs(database: str) -> None:
    with AuditQueue.open(database, "run") as queue:
        queue.enqueue(items(30, reviewers=2))
        claimers = [start(database, name, "no") for name in ("ann", "bob", "eve")]
        held = [worker.communicate()[0].split()[1::2] for worker in claimers]
        assert [worker.returncode for worker in claimers] == [0, 0, 0]
        assert Counter(case for cases in held for case in cases) == {f"c{i}": 2 for i in range(30)}
        assert all(len(set(cases)) == len(cases) for cases in held)
        assert faults(queue.engine, "run") == []


def test_a_killed_auditor_loses_nothing_and_decides_nothing_twice(database: str) -> None:
    with AuditQueue.open(database, "run") as queue:
        queue.enqueue(items(60))
    lines: list[str] = []
    for stop_after in (1, 4, 9):
        worker = start(database, "ann", "yes", 15)
        assert worker.stdout is not None
        lines += [worker.stdout.readline() for _ in range(stop_after)]
        os.kill(worker.pid, signal.SIGKILL)
        lines += worker.communicate()[0].splitlines()
        assert worker.returncode == -signal.SIGKILL
    acknowledged = {line.split()[1] for line in lines if line.startswith("decided")}
    with AuditQueue.open(database, "run") as queue:
        decided = {row.case_id for row in queue.outbox()}
        assert acknowledged <= decided
        assert 1 <= len(decided) <= 45
        while (claim := queue.claim("bob", 61.0, 60.0)) is not None:
            queue.decide(claim, Decision(Verdict.REJECT, "bob"), 62.0)
        assert Counter(row.case_id for row in queue.outbox()) == Counter(f"c{i}" for i in range(60))
        assert {row.case_id for row in queue.outbox() if row.decision.auditor == "ann"} == decided


JUMPER = """
import random, sys
from agents.vocabulary import Verdict
from hierarchy.audit.decision import Decision
from hierarchy.audit.errors import Refused
from hierarchy.audit.queue import AuditQueue
path, name, skew = sys.argv[1:]
draw, clock, late = random.Random(name), 1000.0 + float(skew), 0
with AuditQueue.open(path, "run") as queue:
    for _ in range(400):
        clock += draw.choice([-9.9, -0.1, 0.0, 0.1, 5.0, 9.9, 10.0, 10.1])
        claim = queue.claim(name, clock, 10.0)
        if claim is None:
            if not queue.waiting(clock + 1e6):
                break
            continue
        clock += draw.choice([-10.0, 0.0, 9.9, 10.0, 10.1, 25.0])
        try:
            queue.decide(claim, Decision(Verdict.ACCEPT, name), clock)
        except Refused as refused:
            assert queue.drafts.of(claim.item.key, name) is not None, "what was written is kept"
            late += 1
        else:
            print("decided", claim.item.case_id, flush=True)
    print("late", late, flush=True)
"""


def test_servers_whose_clocks_differ_and_jump_around_the_end_of_leases_decide_every_case_once(database: str) -> None:
    with AuditQueue.open(database, "run") as queue:
        queue.enqueue(items(40))
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", JUMPER, database, name, str(skew)],
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            for name, skew in (("ann", 0.0), ("bob", 9.95), ("eve", -10.0))
        ]
        said = [line.split() for worker in workers for line in worker.communicate()[0].splitlines()]
        assert [worker.returncode for worker in workers] == [0, 0, 0]
        acknowledged = Counter(word for what, word in said if what == "decided")
        assert set(acknowledged.values()) == {1}, "nobody was told of a decision that somebody else's replaced"
        assert sum(int(word) for what, word in said if what == "late") > 0, "some leases ended under their holders"
        while (claim := queue.claim("dan", 1e6, 60.0)) is not None:
            queue.decide(claim, Decision(Verdict.REJECT, "dan"), 1e6)
        rows = queue.outbox()
        assert Counter(row.case_id for row in rows) == Counter(f"c{n}" for n in range(40))
        assert {row.case_id for row in rows if row.decision.auditor != "dan"} == set(acknowledged)
        assert faults(queue.engine, "run") == []
