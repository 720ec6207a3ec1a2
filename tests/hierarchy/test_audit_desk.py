"""A person at work: cases they skip, take back and take again; and gold cases, which go through all of it alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from hierarchy.audit.claims import Wanted
from hierarchy.audit.errors import Conflict, LateAnswer, NotTheirs, Unknown, Unreadable
from hierarchy.audit.gold import GoldCase
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Claim, Kind, State
from hierarchy.audit.verify import faults
from tests.hierarchy.audit_cases import NOW, accept, claimed, item, reject
from tests.hierarchy.graphs import without_syncing


@pytest.fixture
def queue(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuditQueue]:
    without_syncing(monkeypatch)
    with AuditQueue.open(database, "run") as queue:
        queue.enqueue([item("c1", priority=2.0), item("c2", priority=1.0), item("c3")])
        yield queue
        assert faults(queue.engine, "run") == []


GOLD = GoldCase(
    "g", {"messages": [], "response": "gold", "principles": ["honesty", "privacy"]}, True, hidden={"critique": ""}
)


def add_gold(queue: AuditQueue) -> None:
    """A gold case before all others, and the real one that it takes after."""
    queue.enqueue([item("c8", "panel", priority=9.0)])
    queue.gold.add([GOLD], NOW, "panel", spare=["c9"])


def test_a_skipped_case_goes_to_others_and_comes_back_when_it_is_asked_for(queue: AuditQueue) -> None:
    first = claimed(queue)
    queue.desk.skip(first, NOW)
    assert claimed(queue).item.case_id == "c2"
    assert claimed(queue, "bob").item.case_id == "c1"
    progress = queue.desk.progress("ann")
    assert (progress.left, progress.skipped) == (3, 1)
    assert queue.desk.bring_back("ann", NOW) == 1
    assert queue.desk.bring_back("ann", NOW) == 0
    with pytest.raises(LateAnswer):
        queue.desk.skip(first, NOW)


def test_a_claim_is_found_by_its_token_and_by_nobody_else(queue: AuditQueue) -> None:
    claim = claimed(queue)
    queue.drafts.save(claim.item.key, "ann", {"comment": "half"}, NOW)
    found = queue.desk.held_as(claim.token, "ann")
    assert (found.item.key, found.fence, found.expires_at) == (claim.item.key, claim.fence, claim.expires_at)
    assert found.draft == {"comment": "half"}
    assert found.item.hidden is None
    assert queue.desk.held_as(claim.token, "ann", hidden=True).item.hidden == {"critique": "CANARY"}
    for token, auditor in ((claim.token, "bob"), ("0" * 32, "ann")):
        with pytest.raises(NotTheirs):
            queue.desk.held_as(token, auditor)


def test_what_was_decided_is_taken_back_under_a_lease_as_a_draft(queue: AuditQueue) -> None:
    claim = claimed(queue)
    queue.decide(claim, reject(comment="bad"), NOW)
    assert queue.counts()["layers"].decided == 1
    again = queue.desk.take_back(claim.item.key, "ann", NOW + 1, 60.0)
    assert again.item.key == claim.item.key
    assert again.draft is not None
    assert (again.draft["verdict"], again.draft["comment"]) == ("reject", "bad")
    assert queue.counts()["layers"].decided == 0
    assert claimed(queue, "bob").item.case_id == "c2"
    queue.decide(again, accept(), NOW + 2)
    with pytest.raises(Unknown):
        queue.desk.take_back(claim.item.key, "bob", NOW, 60.0)


def test_a_case_whose_lease_ended_is_taken_again_unless_another_has_it(queue: AuditQueue) -> None:
    claim = claimed(queue)
    later = NOW + 100
    assert queue.desk.take_again(claim.item.key, "ann", NOW + 1, 60.0).token == claim.token
    again = queue.desk.take_again(claim.item.key, "ann", later, 60.0)
    assert again.fence == claim.fence + 1
    with pytest.raises(Conflict):
        queue.desk.take_again(claim.item.key, "bob", later, 60.0)
    queue.decide(again, accept(), later)
    with pytest.raises(Conflict):
        queue.desk.take_again(claim.item.key, "bob", later, 60.0)
    with pytest.raises(Conflict):
        queue.desk.take_again(claim.item.key, "ann", later, 60.0)


def test_a_disputed_case_that_was_adjudicated_is_taken_back_in_dispute(queue: AuditQueue) -> None:
    queue.enqueue([item("d", priority=9.0, reviewers=2)])
    queue.decide(claimed(queue, "ann"), accept("ann"), NOW)
    queue.decide(claimed(queue, "bob"), reject("bob"), NOW)
    claim = claimed(queue, "eve", adjudicate=True)
    assert queue.desk.progress("eve", disputed=True).left == 1
    queue.decide(claim, accept("eve"), NOW)
    assert queue.desk.take_back(claim.item.key, "eve", NOW, 60.0).item.state is State.DISPUTED


def test_progress_counts_what_is_left_for_one_person_and_their_pace(queue: AuditQueue) -> None:
    queue.enqueue([item("two", priority=9.0, reviewers=2)])
    for minutes in (2.0, 4.0):
        queue.decide(claimed(queue), accept(minutes=minutes), NOW)
    progress = queue.desk.progress("ann")
    assert (progress.decided, progress.left, progress.pace) == (2, 2, 3.0)
    assert queue.desk.progress("bob").left == 3
    assert queue.desk.progress("bob").pace is None


def test_a_gold_case_is_skipped_taken_back_taken_again_and_counted_as_a_real_one(queue: AuditQueue) -> None:
    add_gold(queue)
    queue.gold.set_share(0.999, NOW)
    before = queue.desk.progress("ann").left
    claim = claimed(queue)
    assert claim.item.payload["response"] == "gold"
    queue.desk.skip(claim, NOW)
    assert claimed(queue).item.payload["response"] != "gold"
    queue.desk.bring_back("ann", NOW)
    claim = claimed(queue)
    assert claim.item.payload["response"] == "gold"
    again = queue.desk.take_again(claim.item.key, "ann", NOW + 100, 60.0)
    queue.decide(again, reject(), NOW + 100)
    assert queue.desk.progress("ann").left == before - 1
    back = queue.desk.take_back(claim.item.key, "ann", NOW + 100, 60.0)
    assert back.item.key == claim.item.key
    assert queue.desk.progress("ann").left == before


def test_a_gold_case_does_not_take_after_an_appeal(queue: AuditQueue) -> None:
    for _ in range(3):
        queue.decide(claimed(queue), accept(), NOW)
    queue.outbox()
    key = queue.reopen("c1", "a complaint", "eve", NOW)
    with pytest.raises(Unreadable, match="no case waits"):
        queue.gold.add([GOLD], NOW, spare=["c9"])
    waiting = queue.list_items(state=State.OPEN)[0]
    assert waiting.key == key
    told = queue.desk.appealed(waiting)
    assert told is not None
    assert (told.reason, told.by) == ("a complaint", "eve")
    assert queue.desk.appealed(item("c2")) is None


def test_of_many_who_ask_for_one_item_at_once_as_many_get_it_as_it_needs(queue: AuditQueue) -> None:
    queue.enqueue([item("c0", reviewers=2)])
    got: list[Claim] = []
    refused: list[Conflict] = []
    together = threading.Barrier(6)

    def ask(name: str) -> None:
        together.wait()
        try:
            got.append(queue.desk.take_again(item("c0").key, name, NOW, 60.0))
        except Conflict as error:
            refused.append(error)

    threads = [threading.Thread(target=ask, args=(f"auditor {n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (2, 4)


def test_the_next_case_is_leased_with_the_decision_and_once(queue: AuditQueue) -> None:
    first = claimed(queue)
    wanted = Wanted("ann", NOW, 60.0)
    before = queue.trail.head().seq
    assert queue.decide(first, accept(), NOW, then=wanted)
    (held,) = queue.held("ann", NOW)
    assert held.item.case_id == "c2"
    assert [event.kind for event in queue.trail.events(before)] == ["decide", "claim"]
    assert not queue.decide(first, accept(), NOW, then=wanted)
    assert [one.token for one in queue.held("ann", NOW)] == [held.token]
    with pytest.raises(LateAnswer):
        queue.decide(held, accept(), NOW + 61, then=Wanted("ann", NOW + 61, 60.0))
    assert queue.held("ann", NOW + 61) == []
    assert claimed(queue, "bob", NOW + 61).item.case_id == "c2"
    third = claimed(queue, now=NOW + 61)
    assert queue.decide(third, accept(), NOW + 61, then=Wanted("ann", NOW + 61, 60.0))
    assert queue.held("ann", NOW + 61) == []


def test_once_the_run_has_taken_later_decisions_a_gold_case_is_as_final_as_a_real_one(queue: AuditQueue) -> None:
    add_gold(queue)
    queue.gold.set_share(0.999, NOW)
    gold = claimed(queue)
    assert gold.item.payload["response"] == "gold"
    queue.decide(gold, accept(), NOW)
    queue.gold.set_share(0.0, NOW)
    real = claimed(queue)
    queue.decide(real, accept(), NOW)
    queue.undo(gold.item.key, "ann", NOW)
    queue.decide(gold.item.key, accept(), NOW)
    queue.decide(claimed(queue), accept(), NOW)
    assert len(queue.outbox()) == 2
    for one in (gold, real):
        with pytest.raises(Conflict, match="the run has taken the decision"):
            queue.undo(one.item.key, "ann", NOW)


def test_with_several_reviewers_a_gold_case_can_be_undone_as_long_as_a_real_one(queue: AuditQueue) -> None:
    queue.enqueue([item("two", "panel", priority=9.0, reviewers=2)])
    queue.gold.add([GOLD], NOW, "panel", spare=["c9"])
    for share, name in ((0.999, "c9"), (0.0, "two")):
        queue.gold.set_share(share, NOW)
        first = claimed(queue)
        assert first.item.case_id == name
        queue.decide(first, accept(), NOW)
        queue.undo(first.item.key, "ann", NOW)
        for auditor in ("ann", "bob"):
            queue.decide(queue.desk.take_again(first.item.key, auditor, NOW, 60.0), accept(auditor), NOW)
        for auditor in ("ann", "bob"):
            with pytest.raises(Conflict, match="every reviewer has decided, and their answers are open"):
                queue.undo(first.item.key, auditor, NOW)


def test_gold_cases_alone_are_not_what_is_left(queue: AuditQueue) -> None:
    add_gold(queue)
    assert queue.desk.progress("ann").left == 5
    queue.gold.set_share(0.0, NOW)
    while (claim := queue.claim("ann", NOW, 60.0)) is not None:
        queue.decide(claim, accept("ann"), NOW)
    assert queue.desk.progress("ann").left == 0
    assert queue.desk.progress("ann").everywhere[Kind.CASE, False] == 0
