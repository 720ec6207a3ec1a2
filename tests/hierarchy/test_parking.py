from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agents.view import Cases
from agents.vocabulary import Verdict
from constitutions.errors import InputError
from hierarchy.arm import Arm
from hierarchy.audit.auditors import SimulatedAuditorSpec, Truth, work
from hierarchy.audit.decision import Decision
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Item
from hierarchy.block import Block
from hierarchy.executor import LocalRoles, LocalShards, Writer, read_back
from hierarchy.journal import Journal
from hierarchy.parking import apply_decisions, park, rows_of
from hierarchy.records import case_table, digest, tables
from hierarchy.settlement import settlements
from hierarchy.topology import load_graph
from tests.hierarchy.graphs import arm, compiled, outcome, without_syncing

CASES = Cases.numbered(40)
NOW = 1000.0


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        without_syncing(patch)
        yield


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "journal") as opened:
        yield opened


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[AuditQueue]:
    with AuditQueue.open(tmp_path / "audit", "run") as opened:
        yield opened


@pytest.fixture
def single() -> Arm:
    """One critic that finds everything, before a reviser that repairs nothing: every case with a violation parks."""
    plan = compiled(load_graph("single"))
    return arm(plan, propensity=0.2, sensitivity=1.0, false_alarm=0.0, repair=0.0)


def run(one: Arm, journal: Journal, cases: Cases = CASES) -> Block:
    LocalShards(7).run(one, cases, Writer(journal, lambda count: None))
    return read_back(one, CASES, journal)


def decide(queue: AuditQueue, case: str, verdict: Verdict, **given: object) -> None:
    assert queue.decide_case(case, Decision(verdict, "ann", **given), NOW)  # type: ignore[arg-type]


def test_parking_again_changes_nothing(single: Arm, journal: Journal, queue: AuditQueue) -> None:
    block = run(single, journal)
    waiting = int((block.parked >= 0).sum())
    assert 10 < waiting < 40
    assert park(single, block, queue, NOW) == waiting
    assert park(single, read_back(single, CASES, journal), queue, NOW + 60) == 0
    assert len(queue.waiting(NOW, "arm")) == waiting


def test_a_case_waits_until_somebody_decides_and_resumes_at_its_step(
    single: Arm, journal: Journal, queue: AuditQueue
) -> None:
    block = run(single, journal)
    park(single, block, queue, NOW)
    cases = [str(case) for case in block.cases.case_id_N[block.parked >= 0]]
    decide(queue, cases[0], Verdict.ACCEPT)
    decide(queue, cases[1], Verdict.REJECT)
    decide(queue, cases[2], Verdict.REVISE, text="a better answer")
    assert apply_decisions(single, block, queue, journal) == sorted(cases[:3])
    before = journal.count()
    after = run(single, journal, CASES.take(rows_of(block, cases[:3])))
    assert journal.count() == before
    ends = dict(zip(after.cases.case_id_N, outcome(after), strict=True))
    assert [ends[case] for case in cases[:4]] == ["revised", "refused", "revised", "pending"]
    finals = {settlement.case_id: settlement for settlement in settlements("arm", after)}
    assert finals[cases[2]].final == "a better answer"
    assert finals[cases[2]].audited
    assert not finals[cases[3]].audited


def test_a_decision_is_applied_once(single: Arm, journal: Journal, queue: AuditQueue) -> None:
    block = run(single, journal)
    park(single, block, queue, NOW)
    case = str(block.cases.case_id_N[block.parked >= 0][0])
    decide(queue, case, Verdict.ACCEPT)
    rows = queue.outbox()
    assert apply_decisions(single, block, queue, journal) == [case]
    count = journal.count()
    assert apply_decisions(single, block, queue, journal) == []
    queue.mark_applied([row.id for row in rows])
    assert journal.count() == count
    with pytest.raises(InputError, match="a decision stands"):
        decide(queue, case, Verdict.REJECT)


def test_nobody_reviews_until_due_then_the_policy_refuses(single: Arm, journal: Journal, queue: AuditQueue) -> None:
    block = run(single, journal)
    waiting = park(single, block, queue, NOW)
    due = NOW + single.plan.graph.unreviewed.due_seconds
    assert queue.expire(due - 1) == 0
    assert apply_decisions(single, block, queue, journal) == []
    assert queue.expire(due + 1) == waiting
    assert len(apply_decisions(single, block, queue, journal)) == waiting
    after = read_back(single, CASES, journal)
    parked = block.parked >= 0
    assert set(np.array(outcome(after))[parked]) == {"refused"}
    settled = settlements("arm", after)
    assert all(settled[n].unreviewed and not settled[n].audited for n in np.flatnonzero(parked))


def test_a_graph_may_redirect_what_nobody_reviews(journal: Journal, queue: AuditQueue) -> None:
    declared = load_graph("single")
    other = declared.model_copy(update={"unreviewed": declared.unreviewed.model_copy(update={"outcome": "redirect"})})
    one = arm(compiled(other), propensity=0.5, sensitivity=1.0, false_alarm=0.0, repair=0.0)
    block = run(one, journal)
    park(one, block, queue, NOW)
    queue.close(NOW, "arm")
    apply_decisions(one, block, queue, journal)
    assert "redirected" in outcome(read_back(one, CASES, journal))
    assert "pending" not in outcome(read_back(one, CASES, journal))


def test_a_programmed_audit_has_no_due_time(single: Arm, journal: Journal, queue: AuditQueue) -> None:
    park(single, run(single, journal), queue, NOW, timed=False)
    assert {item.due_at for item in queue.waiting(NOW)} == {math.inf}
    assert queue.expire(1e12) == 0


def test_a_resumed_case_gives_the_records_of_any_executor(single: Arm, tmp_path: Path) -> None:
    digests = set()
    for name, executor in (("shards", LocalShards(7)), ("roles", LocalRoles(3))):
        with Journal.open(tmp_path / f"{name}.j") as journal, AuditQueue.open(tmp_path / f"{name}.a", "run") as queue:
            writer = Writer(journal, lambda count: None)
            executor.run(single, CASES, writer)
            block = read_back(single, CASES, journal)
            park(single, block, queue, NOW, timed=False)
            spec = SimulatedAuditorSpec(budget=8)
            assert work(queue, spec, "arm", 7, NOW, truth) == 8
            resumed = apply_decisions(single, block, queue, journal)
            executor.run(single, CASES.take(rows_of(block, resumed)), writer)
            after = read_back(single, CASES, journal)
            assert "pending" not in outcome(after)
            digests.add(digest(*tables("arm", after), case_table("arm", after)))
    assert len(digests) == 1


def truth(item: Item) -> Truth:
    return Truth(violates=bool(item.payload["latent"]), reference_latent=0)


@pytest.mark.parametrize("field", ["severity", "uncertainty"])
def test_the_queue_is_ordered_by_the_field_of_the_latest_reviewer(
    field: str, journal: Journal, queue: AuditQueue
) -> None:
    declared = load_graph("single")
    steps = [s if s.id != "human" else s.model_copy(update={"priority": field}) for s in declared.steps]
    plan = compiled(declared.model_copy(update={"steps": tuple(steps)}))
    one = arm(plan, propensity=0.2, sensitivity=1.0, false_alarm=0.0, repair=0.0, noise=1.0)
    block = run(one, journal)
    park(one, block, queue, NOW)
    items = queue.waiting(NOW)
    critic = next(step.index for step in plan.steps if step.name == "critic.1")
    column = block.said(critic)["confidence" if field == "uncertainty" else field].astype(float)
    value = dict(zip(block.cases.case_id_N, 1 - column if field == "uncertainty" else column, strict=True))
    assert [item.priority for item in items] == [value[item.case_id] for item in items]
    assert [item.priority for item in items] == sorted((item.priority for item in items), reverse=True)


def test_the_hidden_layer_of_an_item_says_who_found_what(single: Arm, journal: Journal, queue: AuditQueue) -> None:
    park(single, run(single, journal), queue, NOW)
    assert all(item.hidden is None and "reviews" not in item.payload for item in queue.waiting(NOW))
    for item in queue.list_items(hidden=True):
        assert item.hidden is not None
        assert [review["step"] for review in item.hidden["reviews"]] == ["critic.0", "critic.1"]
        assert all(review["flagged"] for review in item.hidden["reviews"])


def test_an_appeal_replaces_the_decision_once_it_is_decided_and_not_before(
    single: Arm, journal: Journal, queue: AuditQueue
) -> None:
    block = run(single, journal)
    park(single, block, queue, NOW)
    case = str(block.cases.case_id_N[block.parked >= 0][0])
    at = int(rows_of(block, [case])[0])
    decide(queue, case, Verdict.ACCEPT)
    apply_decisions(single, block, queue, journal)
    before = read_back(single, CASES, journal)
    queue.reopen(case, "somebody complained", "eve", NOW)
    assert apply_decisions(single, before, queue, journal) == []
    waits = settlements("arm", read_back(single, CASES, journal), queue.appeals("arm"))[at]
    assert (waits.outcome, waits.epoch, waits.appealed) == (outcome(before)[at], 0, True)
    decide(queue, case, Verdict.REJECT)
    assert apply_decisions(single, before, queue, journal) == [case]
    after = run(single, journal, CASES.take(rows_of(block, [case])))
    settled = settlements("arm", after, queue.appeals("arm"))[at]
    assert (settled.outcome, settled.epoch, settled.appealed) == ("refused", 1, False)
    assert outcome(before)[at] != "refused"


def test_the_graph_says_how_many_people_decide_and_what_they_may_see(journal: Journal, queue: AuditQueue) -> None:
    declared = load_graph("single")
    asks = {"reviewers": 2, "hide_model": True}
    steps = [step if step.id != "human" else step.model_copy(update=asks) for step in declared.steps]
    one = arm(compiled(declared.model_copy(update={"steps": tuple(steps)})), sensitivity=1.0, repair=0.0)
    park(one, run(one, journal), queue, NOW)
    items = queue.list_items(hidden=True)
    assert {(item.reviewers, item.blind, item.hide_model, item.hidden is None) for item in items} == {
        (2, True, True, True)
    }
    case = items[0].case_id
    queue.decide_case(case, Decision(Verdict.ACCEPT, "ann", minutes=2), NOW)
    assert queue.outbox() == []
    queue.decide_case(case, Decision(Verdict.ACCEPT, "bob", minutes=3), NOW)
    apply_decisions(one, read_back(one, CASES, journal), queue, journal)
    after = read_back(one, CASES, journal)
    assert float(np.nanmax(case_table("arm", after)["minutes"].to_numpy())) == 5.0


def test_simulated_reviewers_disagree_now_and_then_and_one_more_adjudicates(queue: AuditQueue) -> None:
    queue.enqueue([Item("arm", f"c{i}", "human@0", i, {"latent": i % 2}, reviewers=2) for i in range(200)])
    spec = SimulatedAuditorSpec(budget=1000, sensitivity=0.7, specificity=0.7)
    given = work(queue, spec, "arm", 7, NOW, truth)
    settled = {row.case_id: row.decision for row in queue.outbox()}
    by_adjudicator = sum(decision.auditor == "simulated 3" for decision in settled.values())
    assert given == 400 + by_adjudicator
    assert 200 * 0.42 - 40 < by_adjudicator < 200 * 0.42 + 40  # two who err with 0.3 disagree with 2 * 0.3 * 0.7
    right = np.mean([(d.verdict is not Verdict.ACCEPT) == bool(int(case[1:]) % 2) for case, d in settled.items()])
    assert right == pytest.approx(0.784, abs=0.09)  # majority of three: p^3 + 3 p^2 (1 - p)


def test_a_budget_counts_every_reviewers_decisions(queue: AuditQueue) -> None:
    queue.enqueue([Item("arm", f"c{i}", "human@0", i, {"latent": i % 2}, reviewers=2) for i in range(50)])
    assert work(queue, SimulatedAuditorSpec(budget=31), "arm", 7, NOW, truth) == 31
    counts = queue.counts()["arm"]
    assert counts.open == 0
    assert counts.decided <= 15
