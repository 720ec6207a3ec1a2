"""The audit queue under several processes, kills, and any order of calls."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agents.vocabulary import Verdict
from constitutions.errors import InputError
from hierarchy.audit.decision import Decision
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import POLICY, Claim, Item

ROOT = Path(__file__).parents[2]
CLAIMER = """
import sys
from agents.vocabulary import Verdict
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.decision import Decision
path, name, decides = sys.argv[1:]
with AuditQueue.open(path, "run") as queue:
    while (claim := queue.claim(name, 0.0, 60.0)) is not None:
        print("claimed", claim.item.case_id, flush=True)
        if decides == "yes":
            queue.decide(claim, Decision(Verdict.ACCEPT, name), 1.0)
            print("decided", claim.item.case_id, flush=True)
"""


def start(path: Path, name: str, decides: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CLAIMER, str(path), name, decides],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def items(count: int) -> list[Item]:
    return [Item("layers", f"c{i}", "human@0", i, {}) for i in range(count)]


def test_two_processes_never_hold_the_same_case(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    with AuditQueue.open(path, "run") as queue:
        queue.enqueue(items(80))
    claimers = [start(path, name, "no") for name in ("ann", "bob")]
    held = [worker.communicate()[0].split()[1::2] for worker in claimers]
    assert [worker.returncode for worker in claimers] == [0, 0]
    assert Counter(held[0] + held[1]) == Counter(f"c{i}" for i in range(80))


def test_a_killed_auditor_loses_nothing_and_decides_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    with AuditQueue.open(path, "run") as queue:
        queue.enqueue(items(60))
    lines: list[str] = []
    for stop_after in (1, 4, 9):
        worker = start(path, "ann", "yes")
        assert worker.stdout is not None
        lines += [worker.stdout.readline() for _ in range(stop_after)]
        os.kill(worker.pid, signal.SIGKILL)
        lines += worker.communicate()[0].splitlines()
    acknowledged = {line.split()[1] for line in lines if line.startswith("decided")}
    with AuditQueue.open(path, "run") as queue:
        decided = {row.case_id for row in queue.outbox()}
        assert acknowledged <= decided
        assert len(decided) < 60, "killed too late to show anything"
        while (claim := queue.claim("bob", 61.0, 60.0)) is not None:
            queue.decide(claim, Decision(Verdict.REJECT, "bob"), 62.0)
        assert Counter(row.case_id for row in queue.outbox()) == Counter(f"c{i}" for i in range(60))
        assert {row.case_id for row in queue.outbox() if row.decision.auditor == "ann"} == decided


CASES = st.sampled_from(["c0", "c1", "c2"])
AUDITORS = st.sampled_from(["ann", "bob"])
ANSWERS = st.sampled_from([Verdict.ACCEPT, Verdict.REJECT])


class QueueMachine(RuleBasedStateMachine):
    """Any order of calls and reopenings, against plain dictionaries: one effect per case, no two live leases."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.mkdtemp()
        self.queue = AuditQueue.open(f"{self.folder}/audit.sqlite", "run")
        self.now = 0.0
        self.due: dict[str, float] = {}
        self.held: dict[str, Claim] = {}
        self.settled: dict[str, tuple[str, Verdict]] = {}
        self.applied: list[str] = []

    @rule(case=CASES, due=st.integers(1, 40))
    def enqueue(self, case: str, due: int) -> None:
        new = self.queue.enqueue([Item("layers", case, "human@0", 1, {}, due_at=self.now + due)])
        assert new == (case not in self.due)
        self.due.setdefault(case, self.now + due)

    @rule(auditor=AUDITORS)
    def claim(self, auditor: str) -> None:
        free = [case for case in self.due if self._open(case) and not self._live(case)]
        claim = self.queue.claim(auditor, self.now, 10.0)
        assert (claim is None) == (not free)
        if claim is not None:
            assert claim.item.case_id in free
            self.held[claim.item.case_id] = claim

    @rule(case=CASES, auditor=AUDITORS, verdict=ANSWERS, by_claim=st.booleans())
    def decide(self, case: str, auditor: str, verdict: Verdict, by_claim: bool) -> None:
        claim = self.held.get(case)
        decision = Decision(verdict, auditor)
        try:
            if by_claim and claim is not None:
                new = self.queue.decide(claim, decision, self.now)
            else:
                new = self.queue.decide_case(case, decision, self.now)
        except InputError:
            assert not self._may_decide(case, auditor, verdict, by_claim)
            return
        assert self._may_decide(case, auditor, verdict, by_claim)
        assert new == (case not in self.settled)
        self.settled[case] = (auditor, verdict)

    @rule(seconds=st.integers(1, 12))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(everything=st.booleans())
    def follow_policy(self, everything: bool) -> None:
        due = [c for c in self.due if c not in self.settled and (everything or self.due[c] <= self.now)]
        assert (self.queue.close(self.now) if everything else self.queue.expire(self.now)) == len(due)
        self.settled.update({case: (POLICY, Verdict.REJECT) for case in due})

    @rule()
    def apply(self) -> None:
        rows = self.queue.outbox()
        self.applied += [row.case_id for row in rows]
        self.queue.mark_applied([row.id for row in rows])

    @rule()
    def crash(self) -> None:
        self.queue.close_database()
        self.queue = AuditQueue.open(f"{self.folder}/audit.sqlite", "run")

    @invariant()
    def one_effect_per_settled_case(self) -> None:
        rows = self.queue.outbox()
        assert sorted(self.applied + [row.case_id for row in rows]) == sorted(self.settled)
        for row in rows:
            assert self.settled[row.case_id] == (row.decision.auditor, row.decision.verdict)

    def _open(self, case: str) -> bool:
        return case not in self.settled and self.due[case] > self.now

    def _live(self, case: str) -> bool:
        return case in self.held and self.held[case].expires_at > self.now

    def _may_decide(self, case: str, auditor: str, verdict: Verdict, by_claim: bool) -> bool:
        if case in self.settled:
            return self.settled[case] == (auditor, verdict)
        if case not in self.due or not self._open(case):
            return False
        if self._live(case):
            return self.held[case].auditor == auditor
        return not (by_claim and case in self.held)

    def teardown(self) -> None:
        if hasattr(self, "queue"):
            self.queue.close_database()
            shutil.rmtree(self.folder)


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=15, stateful_step_count=20, deadline=None, database=None)
