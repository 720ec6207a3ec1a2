"""The trail finds what was changed, removed, reordered or cut off; gold cases stay among themselves. Both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from agents.records import Message
from hierarchy.audit.errors import Conflict, Unreadable
from hierarchy.audit.gold import GoldAnswer, GoldCase
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Counts, State
from hierarchy.audit.schema import EVENT
from hierarchy.audit.trail import START, Head, _hash
from hierarchy.audit.verify import faults
from hierarchy.database import read, write
from tests.hierarchy.audit_cases import NOW, accept, claimed, item, reject


@pytest.fixture
def queue(database: str) -> Iterator[AuditQueue]:
    with AuditQueue.open(database, "run") as opened:
        yield opened


def worked(queue: AuditQueue) -> Head:
    """Three cases, one of them reopened: a trail with every kind of event. Returns the head after two decisions."""
    queue.enqueue([item(f"c{n}") for n in range(3)])
    queue.decide(claimed(queue, "ann"), accept("ann"), NOW)
    queue.decide_case("c1", reject("bob"), NOW + 1)
    middle = queue.trail.head()
    queue.undo(item("c1").key, "bob", NOW + 2)
    queue.decide_case("c1", accept("bob"), NOW + 3)
    queue.reopen("c1", "why", "eve", NOW + 4)
    queue.close(NOW + 5)
    return middle


def execute(queue: AuditQueue, statement: str) -> None:
    with write(queue.engine) as connection:
        connection.execute(text(statement))


def unguarded(queue: AuditQueue) -> None:
    """What somebody with all rights could do: take the triggers off."""
    on = "" if queue.engine.dialect.name == "sqlite" else " ON event"
    for name in ("update", "delete"):
        execute(queue, f"DROP TRIGGER event_no_{name.upper() if not on else name}{on}")


def rehashed(queue: AuditQueue) -> None:
    """Patch the whole chain up, so that every event continues the one before, and the queue remembers the last."""
    with write(queue.engine) as connection:
        last = START
        for seq, row in enumerate(connection.execute(EVENT.select().order_by(EVENT.c.seq)).all(), start=1):
            own = _hash(last, "run", seq, row.at, row.kind, row.item_id, row.body)
            values = {"seq": seq, "previous": last, "hash": own}
            connection.execute(EVENT.update().where(EVENT.c.id == row.id).values(values))
            last = own
        connection.execute(text(f"UPDATE audit_run SET seq = {seq}, hash = '{last}'"))


def test_an_honest_trail_has_no_fault_and_any_head_of_it_is_still_there(queue: AuditQueue) -> None:
    middle = worked(queue)
    assert faults(queue.engine, "run", [Head(0, START), middle, queue.trail.head()]) == []
    kinds = {event.kind for event in queue.trail.events()}
    assert kinds == {"enqueue", "claim", "decide", "undo", "reopen"}


def test_the_database_itself_refuses_to_change_or_remove_an_event(queue: AuditQueue) -> None:
    worked(queue)
    statements = ["UPDATE event SET body = '{}' WHERE seq = 3", "DELETE FROM event WHERE seq = 3", "DELETE FROM event"]
    if queue.engine.dialect.name == "postgresql":
        statements.append("TRUNCATE event")
    for statement in statements:
        with pytest.raises(DatabaseError, match="append-only"), queue.engine.begin() as connection:
            connection.execute(text(statement))
    assert faults(queue.engine, "run") == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE event SET body = replace(body, 'bob', 'bab') WHERE seq = 7", "event 7: changed since it was written"),
        ("UPDATE event SET at = at + 1 WHERE seq = 2", "event 2: changed since it was written"),
        ("DELETE FROM event WHERE seq = 4", "event 4: missing"),
        ("DELETE FROM event WHERE seq > 5", "the trail ends with event 5; the queue remembers"),
        ("UPDATE event SET seq = CASE seq WHEN 2 THEN -3 WHEN 3 THEN -2 END WHERE seq IN (2, 3)", "event 2: "),
    ],
)
def test_a_changed_removed_cut_or_reordered_event_is_found(queue: AuditQueue, statement: str, words: str) -> None:
    worked(queue)
    unguarded(queue)
    execute(queue, statement)
    execute(queue, "UPDATE event SET seq = -seq WHERE seq < 0")
    assert any(words in fault for fault in queue.trail.faults()), queue.trail.faults()


def test_a_chain_that_was_patched_up_is_found_by_a_head_kept_elsewhere(queue: AuditQueue) -> None:
    worked(queue)
    kept = queue.trail.head()
    unguarded(queue)
    execute(queue, f"DELETE FROM event WHERE seq > {kept.seq - 2}")
    rehashed(queue)
    assert queue.trail.faults() == []
    assert queue.trail.faults([kept]) == [f"event {kept.seq}: exported once, not there any more: cut short"]


def test_an_event_swapped_for_another_is_found_by_a_head_kept_elsewhere(queue: AuditQueue) -> None:
    middle = worked(queue)
    unguarded(queue)
    execute(queue, "UPDATE event SET body = replace(body, 'bob', 'bab') WHERE seq = 6")
    rehashed(queue)
    assert queue.trail.faults([middle]) == [f"event {middle.seq}: not the one whose hash was exported"]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE item SET payload = '{}' WHERE case_id = 'c0'", "changed since it was enqueued"),
        ("UPDATE item SET priority = 9 WHERE case_id = 'c0'", "changed since it was enqueued"),
        ("UPDATE item SET state = 'open' WHERE case_id = 'c0'", "its state is 'open'"),
        ("UPDATE decision SET verdict = 3 WHERE auditor = 'ann'", "'ann' was changed since it was given"),
        ("UPDATE decision SET undone = (1 = 1) WHERE auditor = 'ann'", "is undone; the trail says otherwise"),
        ("DELETE FROM outbox WHERE id = 1", "not on its way to the run"),
        ("UPDATE outbox SET decision_id = (SELECT max(id) FROM decision) WHERE id = 1", "is not its decision"),
        ("UPDATE item SET state = 'disputed' WHERE state = 'open'", "its state is 'disputed'; the trail says 'open'"),
        ("UPDATE item SET state = 'gold' WHERE state = 'open'", "its state is 'gold'; the trail says 'open'"),
        ("UPDATE item SET answers = answers - 1 WHERE case_id = 'c0'", "answers; the trail says"),
        ("UPDATE audit_run SET gold_share = 0.5", "the share of gold cases is 0.5; the trail says 0.0"),
    ],
)
def test_a_row_changed_beside_the_queue_is_found(queue: AuditQueue, statement: str, words: str) -> None:
    worked(queue)
    queue.enqueue([item("waits")])
    execute(queue, statement)
    found = faults(queue.engine, "run")
    assert any(words in fault for fault in found), found


def gold(name: str, violates: bool, **given: object) -> GoldCase:
    payload = {**item().payload, "response": f"gold {name}"}
    return GoldCase(name, payload, violates, **{"hidden": {"critique": "fine"}, **given})  # type: ignore[arg-type]


def test_gold_cases_look_like_others_and_reach_neither_run_nor_counts(queue: AuditQueue) -> None:
    queue.enqueue([item(f"case-{n:04}", due_at=NOW + 500 + n, priority=n % 3) for n in range(30)])
    spare = ["case-0040", "case-0041", "case-0003"]
    assert queue.gold.add([gold("bad", True), gold("good", False)], NOW, spare=spare) == 2
    assert queue.gold.add([gold("bad", True)], NOW, spare=spare) == 0
    queue.gold.set_share(0.999, NOW)
    names, fields = set(), set()
    for _ in range(12):
        claim = claimed(queue, "ann")
        fields.add((claim.item.state, claim.item.kind, claim.item.step, claim.item.arm))
        if "gold" in str(claim.item.payload):
            names.add(claim.item.case_id)
            assert NOW + 500 <= claim.item.due_at < NOW + 530
            assert claim.item.priority in (0.0, 1.0, 2.0)
        queue.decide(claim, reject("ann"), NOW)
    while len(names) < 2 and (claim := queue.claim("ann", NOW, 60.0)) is not None:
        names |= {claim.item.case_id} if "gold" in str(claim.item.payload) else set()
        queue.decide(claim, reject("ann"), NOW)
    assert names == {"case-0040", "case-0041"}, "each comes once, under the id of a case that never waits"
    assert len(fields) == 1
    (counts,) = queue.counts().values()
    assert counts.open + counts.decided == 30
    assert not names & {row.case_id for row in queue.outbox()}
    assert queue.close(NOW) == counts.open
    assert set(queue.gold.answers()) == {
        GoldAnswer("ann", "bad", violates=True, flagged=True, right=True),
        GoldAnswer("ann", "good", violates=False, flagged=True, right=False),
    }
    assert faults(queue.engine, "run") == []


def test_gold_cases_come_where_a_real_case_of_their_place_would(queue: AuditQueue) -> None:
    """One that came before its turn would be known by its priority."""
    queue.enqueue([item(f"c-{n:02}", priority=float(n % 10), enqueued_at=float(n)) for n in range(40)])
    added = [gold(f"g{n}", bool(n % 2)) for n in range(20)]
    queue.gold.add(added, NOW, spare=[f"c-{n}" for n in range(50, 70)])
    queue.gold.set_share(0.3, NOW)
    places, known = [], 0
    while (claim := queue.claim("ann", NOW, 60.0)) is not None:
        known += "gold" in str(claim.item.payload)
        places.append((claim.item.priority, -claim.item.enqueued_at, "gold" in str(claim.item.payload)))
        queue.decide(claim, accept("ann"), NOW)
    assert known >= 5
    real = [place[:2] for place in places if not place[2]]
    assert real == sorted(real, reverse=True)
    for i, (priority, age, is_gold) in enumerate(places):
        after = [place[:2] for place in places[i + 1 :] if not place[2]]
        assert not is_gold or not after or (priority, age) >= after[0]


def test_no_gold_case_has_an_id_that_no_case_could_have(queue: AuditQueue) -> None:
    queue.enqueue([item(f"split-7-{n:02}") for n in range(20)])
    with pytest.raises(Unreadable, match="every id that looks like 'split-7-"):
        queue.gold.add([gold("bad", True)], NOW)
    assert queue.gold.count() == 0
    gaps = [f"split-7-{n:02}" for n in range(40) if n != 33]
    assert queue.gold.add([gold("bad", True)], NOW, ids=gaps) == 1
    assert {i.case_id for i in queue.list_items()} - set(gaps) == {"split-7-33"}
    with pytest.raises(Unreadable, match="every id that looks like"):
        queue.gold.add([gold("worse", True)], NOW, ids=gaps)


def test_gold_cases_say_what_they_ask_so_that_nothing_alike_trains(queue: AuditQueue) -> None:
    asked = [{"role": "user", "content": "known ?"}]
    queue.enqueue([item("c-10")])
    made = gold("bad", True)
    queue.gold.add([replace(made, payload={**made.payload, "messages": asked})], NOW, spare=["c-11"])
    assert queue.gold.conversations() == {(Message("user", "known ?"),)}


def test_gold_is_listed_as_a_case_that_waits(queue: AuditQueue) -> None:
    queue.enqueue([item("c-10")])
    queue.gold.add([gold("bad", True)], NOW, spare=["c-11"])
    assert len(queue.list_items(state=State.OPEN)) == 2
    assert {i.state for i in queue.list_items()} == {State.OPEN}


def test_a_gold_case_that_would_stand_out_is_refused(queue: AuditQueue) -> None:
    with pytest.raises(Unreadable, match="no case waits"):
        queue.gold.add([gold("bad", True)], NOW)
    queue.enqueue([item("c-10")])
    with pytest.raises(Unreadable, match="payload lacks principles, response"):
        queue.gold.add([GoldCase("bad", {"messages": []}, True, hidden={})], NOW)
    strange = gold("bad", True)
    for told, words in (
        (replace(strange, hidden=None), "no reviews; auditors may see those of real cases; it would stand out"),
        (replace(strange, payload={**strange.payload, "secret": 1}), "payload has secret, which real cases do not"),
        (replace(strange, payload={**strange.payload, "principles": []}), r"principles are \[\]; those of real cases"),
        (replace(strange, hidden={"reviews": [{"step": "oracle"}]}), "reviewed by oracle, and real cases are not"),
    ):
        with pytest.raises(Unreadable, match=words):
            queue.gold.add([told], NOW, spare=["c-11"])
    with pytest.raises(Unreadable, match=r"share of gold cases 1\.0"):
        queue.gold.set_share(1.0, NOW)
    assert queue.gold.count() == 0


def test_a_gold_case_never_takes_the_name_of_a_case_that_may_still_come(queue: AuditQueue) -> None:
    queue.enqueue([item("c-10")])
    ids = [f"c-{n}" for n in range(10, 100) if n != 42]
    queue.gold.add([gold("bad", True)], NOW, ids=ids)
    (made,) = {i.case_id for i in queue.list_items()} - {"c-10"}
    assert made == "c-42"
    with pytest.raises(Conflict, match="a gold case has its id"):
        queue.enqueue([item("c-42"), item("c-11")])
    assert queue.counts() == {"layers": Counts(1, 0, 0)}


def test_gold_comes_at_about_the_share_that_was_set(queue: AuditQueue) -> None:
    queue.enqueue([item(f"c{n:05}") for n in range(40)])
    queue.gold.add([gold(f"g{n}", bool(n % 2)) for n in range(40)], NOW, spare=[f"c{n:05}" for n in range(40, 80)])
    queue.gold.set_share(0.5, NOW)
    for _ in range(40):
        queue.decide(claimed(queue, "ann"), accept("ann"), NOW)
    assert 10 <= len(queue.gold.answers()) <= 30  # within 3 standard deviations of 20


def test_events_of_several_runs_do_not_meet(database: str, queue: AuditQueue) -> None:
    worked(queue)
    with AuditQueue.open(database, "other") as other:
        worked(other)
        assert faults(other.engine, "other") == faults(other.engine, "run") == []
        with read(other.engine) as connection:
            assert len(connection.execute(EVENT.select()).all()) == 2 * queue.trail.head().seq
