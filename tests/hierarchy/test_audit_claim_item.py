"""Claiming one item by its key: what an auditor does who undoes, or whose lease is over."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from hierarchy.audit.gold import GoldCase
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Claim
from hierarchy.audit.verify import faults
from tests.hierarchy.audit_cases import NOW, accept, claimed, item, reject
from tests.hierarchy.graphs import without_syncing


@pytest.fixture
def queue(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuditQueue]:
    without_syncing(monkeypatch)
    with AuditQueue.open(database, "run") as opened:
        yield opened
        assert faults(opened.engine, "run") == []


def test_the_item_that_was_named_is_leased_and_no_other(queue: AuditQueue) -> None:
    queue.enqueue([item("c0", priority=1.0), item("c1"), item("c2")])
    claim = queue.claim_item(item("c1").key, "ann", NOW, 60.0, hidden=True)
    assert claim is not None
    assert (claim.item.case_id, claim.expires_at, claim.fence) == ("c1", NOW + 60.0, 1)
    assert claim.item.hidden == {"critique": "CANARY"}
    assert queue.decide(claim, accept(), NOW)
    assert claimed(queue).item.case_id == "c0"


def test_what_could_not_be_claimed_is_not(queue: AuditQueue) -> None:
    queue.enqueue([item("c0", priority=1.0), item("c1"), item("c2", due_at=NOW + 5), item("c3", reviewers=2)])
    held = claimed(queue, "bob")
    assert queue.claim_item(held.item.key, "ann", NOW, 60.0) is None, "bob has it"
    assert queue.claim_item(held.item.key, "bob", NOW, 60.0) is None, "bob has it already"
    assert queue.claim_item(held.item.key, "ann", NOW + 61, 60.0) is not None
    queue.decide_case("c1", accept("eve"), NOW)
    assert queue.claim_item(item("c1").key, "ann", NOW, 60.0) is None, "it is settled"
    assert queue.claim_item(item("c2").key, "ann", NOW + 6, 60.0) is None, "it was due"
    assert queue.claim_item(item("nobody").key, "ann", NOW, 60.0) is None
    queue.decide_case("c3", accept("ann"), NOW)
    assert queue.claim_item(item("c3").key, "ann", NOW, 60.0) is None, "nobody reviews twice"
    queue.decide_case("c3", reject("eve"), NOW)
    assert queue.claim_item(item("c3").key, "eve", NOW, 60.0) is None, "an adjudicator was no reviewer"
    assert queue.claim_item(item("c3").key, "dan", NOW, 60.0) is not None


def test_after_undoing_it_comes_back_with_its_draft_a_gold_case_too(queue: AuditQueue) -> None:
    queue.enqueue([item("c10"), item("c11", priority=1.0)])
    queue.gold.add([GoldCase("g", item().payload, True, hidden={})], NOW)
    (gold,) = [one for one in queue.list_items() if one.case_id not in ("c10", "c11")]
    for key in (item("c10").key, gold.key):
        claim = queue.claim_item(key, "ann", NOW, 60.0)
        assert claim is not None
        queue.decide(claim, accept(), NOW)
        queue.undo(key, "ann", NOW)
        queue.drafts.save(key, "ann", {"text": "more"}, NOW)
        again = queue.claim_item(key, "ann", NOW, 60.0)
        assert again is not None
        assert again.draft == {"text": "more"}
        assert again.token != claim.token
        queue.decide(again, reject(), NOW)
    assert [answer.flagged for answer in queue.gold.answers()] == [True]


def test_of_many_who_ask_for_one_item_at_once_as_many_get_it_as_it_needs(queue: AuditQueue) -> None:
    queue.enqueue([item("c0", reviewers=2)])
    got: list[Claim | None] = []
    together = threading.Barrier(6)

    def ask(name: str) -> None:
        together.wait()
        got.append(queue.claim_item(item("c0").key, name, NOW, 60.0))

    threads = [threading.Thread(target=ask, args=(f"auditor {n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 6
    assert sum(claim is not None for claim in got) == 2
