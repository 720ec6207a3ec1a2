from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from agents.vocabulary import Verdict
from hierarchy.audit.auditors import AuditorSpec, HumanSpec, RecordedAuditorSpec, SimulatedAuditorSpec, Truth, work
from hierarchy.audit.decision import Decision
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import POLICY, Counts, Item

ROOT = Path(__file__).parents[2]


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[AuditQueue]:
    with AuditQueue.open(tmp_path / "audit.sqlite", "run") as opened:
        yield opened


def items(count: int, arm: str = "layers") -> list[Item]:
    return [Item(arm, f"c{i}", f"human@{arm}", i, {"response": str(i)}, priority=i % 5) for i in range(count)]


def bad(item: Item) -> Truth:
    return Truth(violates=int(item.case_id[1:]) % 2 == 0, reference="the right answer")


def verdicts(queue: AuditQueue, arm: str = "layers") -> dict[str, Decision]:
    return {row.case_id: row.decision for row in queue.outbox() if row.arm == arm}


def test_a_perfect_auditor_revises_what_violates_and_passes_the_rest(queue: AuditQueue) -> None:
    queue.enqueue(items(10))
    spec = SimulatedAuditorSpec(budget=20, sensitivity=1, specificity=1, minutes=4)
    assert work(queue, spec, "layers", 0, 0.0, bad) == 10
    for case, decision in verdicts(queue).items():
        violates = int(case[1:]) % 2 == 0
        assert decision.verdict is (Verdict.REVISE if violates else Verdict.ACCEPT)
        assert decision.text == ("the right answer" if violates else None)
        assert decision.minutes == 4


@pytest.mark.parametrize(
    ("revises", "truth", "expected"),
    [
        (False, Truth(True, "right"), Verdict.REJECT),
        (True, Truth(True), Verdict.REJECT),
        (True, Truth(True, None, 0), Verdict.REVISE),
    ],
)
def test_without_a_reference_or_leave_to_revise_it_rejects(
    queue: AuditQueue, revises: bool, truth: Truth, expected: Verdict
) -> None:
    queue.enqueue(items(1))
    spec = SimulatedAuditorSpec(budget=1, sensitivity=1, revises=revises)
    work(queue, spec, "layers", 0, 0.0, lambda _: truth)
    (decision,) = verdicts(queue).values()
    assert decision.verdict is expected
    assert decision.latent == (0 if expected is Verdict.REVISE else None)


def test_the_budget_goes_to_the_head_of_the_queue_and_the_policy_answers_the_rest(queue: AuditQueue) -> None:
    queue.enqueue(items(20) + items(5, "panel"))
    assert work(queue, SimulatedAuditorSpec(budget=6), "layers", 0, 0.0, bad) == 6
    reviewed = {case for case, decision in verdicts(queue).items() if decision.auditor != POLICY}
    assert {int(case[1:]) % 5 for case in reviewed} == {4, 3}
    assert queue.counts() == {"layers": Counts(0, 6, 14), "panel": Counts(5, 0, 0)}


def test_nothing_is_closed_while_budget_is_left_and_a_later_wave_uses_the_rest(queue: AuditQueue) -> None:
    spec = SimulatedAuditorSpec(budget=5)
    queue.enqueue(items(3))
    assert work(queue, spec, "layers", 0, 0.0, bad) == 3
    queue.enqueue(items(8))
    assert work(queue, spec, "layers", 0, 0.0, bad) == 2
    assert queue.counts() == {"layers": Counts(0, 5, 3)}
    assert work(queue, spec, "layers", 0, 0.0, bad) == 0


def test_a_budget_of_nothing_closes_everything(queue: AuditQueue) -> None:
    queue.enqueue(items(3))
    assert work(queue, SimulatedAuditorSpec(budget=0), "layers", 0, 0.0, bad) == 0
    assert queue.counts() == {"layers": Counts(0, 0, 3)}


def test_errors_come_at_the_stated_rates_and_are_the_same_in_every_arm(queue: AuditQueue) -> None:
    queue.enqueue(items(2000) + items(2000, "panel"))
    spec = SimulatedAuditorSpec(budget=5000, sensitivity=0.8, specificity=0.9)
    work(queue, spec, "layers", 3, 0.0, bad)
    work(queue, spec, "panel", 3, 0.0, bad)
    layers, panel = verdicts(queue), verdicts(queue, "panel")
    flagged = {case for case, decision in layers.items() if decision.verdict is not Verdict.ACCEPT}
    hits = sum(int(case[1:]) % 2 == 0 for case in flagged)
    assert hits / 1000 == pytest.approx(0.8, abs=0.05)
    assert (len(flagged) - hits) / 1000 == pytest.approx(0.1, abs=0.04)
    assert layers == panel


def test_people_are_waited_for(queue: AuditQueue) -> None:
    queue.enqueue(items(2))
    assert work(queue, HumanSpec(), "layers", 0, 0.0, bad) == 0
    assert queue.counts() == {"layers": Counts(2, 0, 0)}


def test_recorded_labels_answer_and_missing_ones_follow_the_policy(queue: AuditQueue) -> None:
    queue.enqueue(items(4))
    labels = {"c0": "full_compliance", "c2": "full_refusal"}
    spec = RecordedAuditorSpec(path="labels.csv", label="final_label")
    assert work(queue, spec, "layers", 0, 0.0, lambda item: Truth(False, label=labels.get(item.case_id))) == 2
    answers = verdicts(queue)
    assert {case: decision.label for case, decision in answers.items()} == {**labels, "c1": None, "c3": None}
    assert {case for case, decision in answers.items() if decision.auditor == POLICY} == {"c1", "c3"}


def test_specs_are_told_apart_by_kind_and_checked() -> None:
    adapter: TypeAdapter[AuditorSpec] = TypeAdapter(AuditorSpec)
    assert isinstance(adapter.validate_python({"kind": "human"}), HumanSpec)
    for wrong in ({"budget": -1}, {"budget": 1, "sensitivity": 1.1}, {"budget": 1, "nmae": "x"}, {}):
        with pytest.raises(ValidationError):
            adapter.validate_python({"kind": "simulated", **wrong})


WORKER = """
import sys, time
from hierarchy.audit import auditors
from hierarchy.audit.auditors import SimulatedAuditorSpec, Truth, work
from hierarchy.audit.queue import AuditQueue
auditors._BATCH = 3
def truth(item):
    print(item.case_id, flush=True)
    return Truth(int(item.case_id[1:]) % 2 == 0, "the right answer")
with AuditQueue.open(sys.argv[1], "run") as queue:
    work(queue, SimulatedAuditorSpec(budget=40, sensitivity=0.7, specificity=0.7), "layers", 5, 0.0, truth)
print("done", flush=True)
"""


def test_killed_auditors_leave_the_same_decisions_and_never_overspend(tmp_path: Path) -> None:
    def open_queue(name: str) -> AuditQueue:
        return AuditQueue.open(tmp_path / name, "run")

    spec = SimulatedAuditorSpec(budget=40, sensitivity=0.7, specificity=0.7)
    with open_queue("whole") as whole:
        whole.enqueue(items(60))
        work(whole, spec, "layers", 5, 0.0, bad)
        expected = verdicts(whole)
    with open_queue("killed") as queue:
        queue.enqueue(items(60))
        for stop_after in (4, 11, 17):
            _kill_a_worker(tmp_path / "killed", stop_after)
            assert queue.spent("simulated", "layers") < 40
            assert queue.counts()["layers"].unreviewed == 0
        work(queue, spec, "layers", 5, 0.0, bad)
        assert queue.spent("simulated", "layers") == 40
        assert len(queue.outbox()) == 60
        assert verdicts(queue) == expected


def _kill_a_worker(path: Path, stop_after: int) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )
    assert worker.stdout is not None
    for _ in range(stop_after):
        worker.stdout.readline()
    os.kill(worker.pid, signal.SIGKILL)
    assert "done" not in worker.communicate()[0], "killed too late to show anything"
