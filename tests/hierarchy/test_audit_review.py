"""Double review, adjudication, who may see what, lateness, undoing and appeals, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from agents.vocabulary import Verdict
from hierarchy.audit.decision import Decision
from hierarchy.audit.errors import Conflict, LateAnswer, Unknown, Unreadable
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Appeal, Counts, Kind, State
from tests.hierarchy.audit_cases import NOW, accept, claimed, item, reject


@pytest.fixture
def queue(database: str) -> Iterator[AuditQueue]:
    with AuditQueue.open(database, "run", seed=3) as opened:
        yield opened


def test_two_reviewers_who_agree_settle_a_case_and_one_alone_does_not(queue: AuditQueue) -> None:
    queue.enqueue([item(reviewers=2)])
    first, second = claimed(queue, "ann"), claimed(queue, "bob")
    assert queue.claim("eve", NOW, 60.0) is None, "two live leases are as many as the case needs"
    queue.decide(first, reject("ann", minutes=2.0), NOW)
    assert queue.outbox() == []
    assert queue.claim("ann", NOW + 100, 60.0) is None, "nobody reviews a case twice"
    queue.decide(second, reject("bob", minutes=3.0, comment="dangerous"), NOW + 1)
    (row,) = queue.outbox()
    assert (row.decision.auditor, row.decision.verdict, row.minutes) == ("ann", Verdict.REJECT, 5.0)
    assert queue.counts() == {"layers": Counts(0, 1, 0)}


def test_the_text_of_the_first_reviewer_stands_where_both_revise(queue: AuditQueue) -> None:
    queue.enqueue([item(reviewers=2)])
    for auditor, text in (("ann", "first"), ("bob", "second")):
        queue.decide(claimed(queue, auditor), Decision(Verdict.REVISE, auditor, text), NOW)
    assert [row.decision.text for row in queue.outbox()] == ["first"]


def test_disagreement_goes_to_an_adjudicator_who_was_no_reviewer(queue: AuditQueue) -> None:
    queue.enqueue([item(reviewers=2)])
    queue.decide(claimed(queue, "ann"), accept("ann"), NOW)
    queue.decide(claimed(queue, "bob"), reject("bob"), NOW)
    assert [i.state for i in queue.list_items()] == [State.DISPUTED]
    assert queue.outbox() == []
    assert queue.claim("eve", NOW, 60.0) is None, "an auditor is not given a dispute unasked"
    assert queue.claim("bob", NOW, 60.0, adjudicate=True) is None
    with pytest.raises(Conflict, match="'bob' already decided 'reject'"):
        queue.decide_case("c1", accept("bob"), NOW)
    queue.decide(claimed(queue, "eve", adjudicate=True), reject("eve"), NOW)
    (row,) = queue.outbox()
    assert (row.decision.auditor, row.decision.verdict) == ("eve", Verdict.REJECT)


def test_nobody_sees_anothers_decision_before_enough_exist(queue: AuditQueue) -> None:
    queue.enqueue([item(reviewers=2)])
    claim = claimed(queue, "ann")
    queue.decide(claim, reject("ann", comment="SECRET"), NOW)
    key = claim.item.key
    assert queue.decisions(key, "bob") == queue.decisions(key) == []
    assert [given.decision.comment for given in queue.decisions(key, "ann")] == ["SECRET"]
    other = claimed(queue, "bob")
    assert "SECRET" not in repr(other) + repr(queue.list_items(hidden=True))
    assert not any("SECRET" in event.body for event in queue.trail.events())
    queue.decide(other, accept("bob"), NOW)
    assert [given.decision.auditor for given in queue.decisions(key, "bob")] == ["ann", "bob"]


def test_a_step_may_let_reviewers_see_each_other(queue: AuditQueue) -> None:
    queue.enqueue([item(reviewers=2, blind=False)])
    claim = claimed(queue, "ann")
    queue.decide(claim, reject("ann"), NOW)
    assert len(queue.decisions(claim.item.key, "bob")) == 1


def test_what_models_found_can_be_withheld_until_the_case_is_settled(queue: AuditQueue) -> None:
    queue.enqueue([item(hide_model=True)])
    claim = claimed(queue, hidden=True)
    assert claim.item.hidden is None
    assert "CANARY" not in repr(queue.list_items(hidden=True)) + repr(queue.held("ann", NOW, hidden=True))
    queue.decide(claim, accept(), NOW)
    assert queue.list_items(hidden=True)[0].hidden == {"critique": "CANARY"}


def test_a_late_answer_is_refused_and_kept_for_who_wrote_it(queue: AuditQueue) -> None:
    queue.enqueue([item()])
    late = claimed(queue)
    answer = Decision(Verdict.REVISE, "ann", "a long answer", principles=("privacy",), minutes=4.0)
    with pytest.raises(LateAnswer) as told:
        queue.decide(late, answer, NOW + 60)
    assert told.value.status == 409
    assert claimed(queue, "bob", NOW + 60).draft is None
    again = claimed(queue, "ann", NOW + 121)
    assert again.draft == {"principles": ["privacy"], "verdict": "revise", "auditor": "ann", "minutes": 4.0} | {
        "text": "a long answer"
    }
    queue.decide(again, answer, NOW + 122)
    assert queue.drafts.of(again.item.key, "ann") is None


def test_an_answer_that_came_after_somebody_elses_is_kept_too(queue: AuditQueue) -> None:
    queue.enqueue([item()])
    late = claimed(queue)
    queue.decide(claimed(queue, "bob", NOW + 61), accept("bob"), NOW + 61)
    with pytest.raises(Conflict, match="settled already, by 'bob'"):
        queue.decide(late, reject("ann"), NOW + 62)
    assert queue.drafts.of(late.item.key, "ann") is not None
    assert [row.decision.auditor for row in queue.outbox()] == ["bob"]


def test_a_lease_that_was_handed_on_is_over_by_every_clock(queue: AuditQueue) -> None:
    """A server whose clock is behind must not take what another has given to somebody else meanwhile."""
    queue.enqueue([item()])
    first = claimed(queue)
    second = claimed(queue, "bob", NOW + 61)
    with pytest.raises(LateAnswer):
        queue.decide(first, accept("ann"), NOW + 1)
    assert queue.decide(second, accept("bob"), NOW + 1)


def test_a_lease_can_be_renewed_and_given_back(queue: AuditQueue) -> None:
    queue.enqueue([item()])
    claim = claimed(queue)
    assert queue.renew(claim, NOW + 50, 60.0) == NOW + 110
    assert queue.claim("bob", NOW + 100, 60.0) is None
    assert [held.token for held in queue.held("ann", NOW + 100)] == [claim.token]
    queue.release(claim, NOW + 100)
    assert queue.held("ann", NOW + 100) == []
    other = claimed(queue, "bob", NOW + 100)
    for attempt in (lambda: queue.release(claim, NOW + 101), lambda: queue.renew(claim, NOW + 101, 9.0)):
        with pytest.raises(LateAnswer):
            attempt()
    assert queue.decide(other, accept("bob"), NOW + 102)


def test_a_key_is_for_one_decision(queue: AuditQueue) -> None:
    queue.enqueue([item("c1"), item("c2")])
    assert queue.decide(item("c1").key, accept(), NOW, key="k") is True
    assert queue.decide(item("c1").key, accept(), NOW, key="k") is False
    with pytest.raises(Conflict, match="'ann' already decided"):
        queue.decide(item("c1").key, reject(), NOW, key="k")
    with pytest.raises(Conflict, match="for one decision only"):
        queue.decide(item("c2").key, accept(), NOW, key="k")
    assert [row.case_id for row in queue.outbox()] == ["c1"]


def test_an_undone_decision_can_be_given_anew_and_the_trail_keeps_both(queue: AuditQueue) -> None:
    queue.enqueue([item()])
    claim = claimed(queue)
    queue.decide(claim, accept(), NOW)
    queue.undo(claim.item.key, "ann", NOW + 1)
    assert queue.counts() == {"layers": Counts(1, 0, 0)}
    with pytest.raises(Conflict, match="for one decision only"):
        queue.decide(claim, accept(), NOW + 2)
    queue.decide(claimed(queue, "ann", NOW + 2), reject(), NOW + 3)
    (row,) = queue.outbox()
    assert (row.decision.verdict, row.decision.round) == (Verdict.REJECT, 1)
    assert [event.kind for event in queue.trail.events()] == ["enqueue", "claim", "decide", "undo", "claim", "decide"]
    assert queue.trail.faults() == []


def test_what_the_run_has_taken_cannot_be_undone_only_appealed(queue: AuditQueue) -> None:
    queue.enqueue([item()])
    queue.decide_case("c1", accept(), NOW)
    queue.outbox()
    with pytest.raises(Conflict, match="has taken"):
        queue.undo(item().key, "ann", NOW)
    with pytest.raises(Unknown, match="'bob' has decided nothing"):
        queue.undo(item().key, "bob", NOW)
    assert len(queue.outbox()) == 1


def test_a_reviewer_cannot_change_their_mind_once_they_see_the_other(queue: AuditQueue) -> None:
    queue.enqueue([item(reviewers=2)])
    queue.decide_case("c1", accept("ann"), NOW)
    queue.undo(item().key, "ann", NOW)
    queue.decide_case("c1", reject("ann"), NOW)
    queue.decide_case("c1", accept("bob"), NOW)
    with pytest.raises(Conflict, match="their answers are open"):
        queue.undo(item().key, "ann", NOW)
    queue.decide_case("c1", accept("eve"), NOW)
    queue.undo(item().key, "eve", NOW)
    assert [i.state for i in queue.list_items()] == [State.DISPUTED]


def test_an_appeal_opens_an_epoch_and_the_old_decision_stands_till_it_ends(queue: AuditQueue) -> None:
    queue.enqueue([replace(item(), due_at=105.0)])
    queue.decide_case("c1", accept(), 50.0)
    assert queue.appeals("layers") == {}
    key = queue.reopen("c1", "new evidence", "eve", NOW)
    assert key.epoch == 1
    assert queue.appeals("layers") == {"c1": Appeal(epoch=0, waits=True)}
    with pytest.raises(Conflict, match="waits for a decision"):
        queue.reopen("c1", "again", "eve", NOW)
    claim = claimed(queue, "ann", NOW, hidden=True)
    assert (claim.item.epoch, claim.item.due_at, claim.item.hidden) == (1, NOW + 100.0, item().hidden)
    queue.decide(claim, reject(), NOW)
    assert [(row.epoch, row.decision.verdict) for row in queue.outbox()] == [(0, Verdict.ACCEPT), (1, Verdict.REJECT)]
    assert queue.appeals("layers") == {"c1": Appeal(epoch=1, waits=False)}
    events = [(event.kind, event.details.get("reason")) for event in queue.trail.events()]
    assert ("reopen", "new evidence") in events


def test_an_appeal_needs_a_reason_and_a_settled_case(queue: AuditQueue) -> None:
    queue.enqueue([item()])
    with pytest.raises(Conflict):
        queue.reopen("c1", "why", "eve", NOW)
    queue.decide_case("c1", accept(), NOW)
    with pytest.raises(Unreadable, match="reason"):
        queue.reopen("c1", " ", "eve", NOW)
    with pytest.raises(Unknown):
        queue.reopen("c9", "why", "eve", NOW)
    assert queue.counts() == {"layers": Counts(0, 1, 0)}


def test_an_unknown_principle_is_named_with_those_that_would_do(queue: AuditQueue) -> None:
    queue.enqueue([item()])
    claim = claimed(queue)
    with pytest.raises(Unreadable, match=r"'kindness'; accepted: honesty, privacy") as told:
        queue.decide(claim, reject(principles=("kindness",)), NOW)
    assert told.value.status == 422
    assert queue.decide(claim, reject(principles=("honesty",)), NOW)
    assert queue.outbox()[0].decision.principles == ("honesty",)


def test_a_proposal_is_decided_with_a_reason_and_goes_nowhere_near_the_run(queue: AuditQueue) -> None:
    proposal = replace(item("shorter privacy rule", "proposals"), kind=Kind.PROPOSAL, hidden=None)
    queue.enqueue([proposal, item("c1")])
    assert claimed(queue).item.case_id == "c1"
    claim = claimed(queue, kind=Kind.PROPOSAL)
    with pytest.raises(Unreadable, match="with a reason"):
        queue.decide(claim, accept(), NOW)
    queue.decide(claim, accept(comment="fewer misses at the same cost"), NOW)
    assert queue.outbox() == []
    assert queue.counts() == {"layers": Counts(1, 0, 0)}
    assert queue.close(NOW) == 1, "closing the cases leaves proposals alone"


def test_priority_then_due_time_then_age(queue: AuditQueue) -> None:
    queue.enqueue(
        [
            item("young", priority=1.0, enqueued_at=9.0),
            item("old", priority=1.0, enqueued_at=1.0),
            item("due", priority=1.0, enqueued_at=9.0, due_at=NOW + 50),
            item("urgent", priority=2.0, enqueued_at=9.0),
        ]
    )
    assert [claimed(queue, f"a{n}").item.case_id for n in range(4)] == ["urgent", "due", "old", "young"]
