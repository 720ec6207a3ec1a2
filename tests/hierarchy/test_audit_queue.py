from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from agents.vocabulary import Verdict
from constitutions.errors import InputError
from hierarchy.audit.decision import Decision, verdict_named
from hierarchy.audit.errors import LateAnswer, NotTheirs
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import POLICY, Claim, Counts, Item, ItemKey, State
from hierarchy.audit.rows import decision_row
from hierarchy.audit.schema import DECISION, ITEM
from hierarchy.database import write

NOW = 1_000.0


@pytest.fixture
def queue(database: str) -> Iterator[AuditQueue]:
    with AuditQueue.open(database, "run") as opened:
        yield opened


def item(case: str = "c1", arm: str = "layers", priority: float = 0.0, due: float = math.inf, epoch: int = 0) -> Item:
    payload = {"messages": [{"role": "user", "content": "hi"}], "response": f"answer to {case}"}
    return Item(arm, case, "human@0", 2**64 - 1, payload, priority, 5.0, due, epoch, hidden={"critique": "CANARY"})


def accept(auditor: str = "ann", **given: object) -> Decision:
    return Decision(Verdict.ACCEPT, auditor, **given)  # type: ignore[arg-type]


def claimed(queue: AuditQueue, auditor: str = "ann", now: float = NOW) -> Claim:
    claim = queue.claim(auditor, now, 60.0)
    assert claim is not None
    return claim


def test_enqueueing_twice_changes_nothing(queue: AuditQueue) -> None:
    assert queue.enqueue([item("c1"), item("c2")]) == 2
    assert queue.enqueue([replace(item("c1"), priority=9.0), item("c3"), item("c3")]) == 1
    assert queue.enqueue([]) == 0
    assert {i.case_id: i.priority for i in queue.list_items()} == {"c1": 0.0, "c2": 0.0, "c3": 0.0}


def test_another_epoch_of_a_case_is_another_item(queue: AuditQueue) -> None:
    assert queue.enqueue([item("c1"), item("c1", epoch=1)]) == 2


def test_an_item_comes_back_as_it_went_in_and_hidden_only_on_request(queue: AuditQueue) -> None:
    queue.enqueue([item()])
    (seen,) = queue.list_items()
    assert seen == replace(item(), hidden=None)
    assert "CANARY" not in repr(seen) + repr(claimed(queue))
    (whole,) = queue.list_items(hidden=True)
    assert whole == item()
    with_hidden = queue.claim("bob", NOW + 61, 60.0, hidden=True)
    assert with_hidden is not None
    assert with_hidden.item.hidden == {"critique": "CANARY"}


def test_claims_come_by_priority_then_due_time_then_a_keyed_hash(database: str) -> None:
    items = [item("low", priority=1, due=NOW + 10), item("high", priority=2), item("soon", priority=2, due=NOW + 99)]
    ties = [item(f"t{i}") for i in range(12)]

    def order(name: str, seed: int, enqueued: list[Item]) -> list[str]:
        with AuditQueue.open(database, name, seed=seed) as queue:
            queue.enqueue(enqueued)
            return [claimed(queue, f"auditor{n}").item.case_id for n in range(len(enqueued))]

    first = order("a", 1, items + ties)
    assert first[:3] == ["soon", "high", "low"]
    assert first == order("b", 1, (items + ties)[::-1])
    assert first[3:] != [i.case_id for i in ties]
    assert first[3:] != order("c", 2, ties)


def test_a_leased_case_is_nobody_elses_until_the_lease_ends(queue: AuditQueue) -> None:
    queue.enqueue([item()])
    first = claimed(queue)
    assert queue.claim("bob", NOW + 59, 60.0) is None
    assert queue.waiting(NOW + 59) == []
    with pytest.raises(InputError, match="held by 'ann'"):
        queue.decide(first.item.key, accept("bob"), NOW + 59)
    with pytest.raises(InputError, match="held by 'ann'"):
        queue.decide_case("c1", accept("bob"), NOW + 59)
    second = claimed(queue, "bob", NOW + 60)
    assert (second.fence, first.fence) == (2, 1)
    assert second.token != first.token
    with pytest.raises(LateAnswer, match="expired"):
        queue.decide(first, accept("ann"), NOW + 61)
    assert queue.decide(second, accept("bob"), NOW + 61)


def test_an_expired_lease_is_no_lease_even_when_nobody_took_over(queue: AuditQueue) -> None:
    queue.enqueue([item()])
    claim = claimed(queue)
    with pytest.raises(InputError, match="expired"):
        queue.decide(claim, accept(), NOW + 60)
    assert queue.outbox() == []
    assert queue.decide(claimed(queue, "ann", NOW + 60), accept(), NOW + 61)


def test_a_claim_of_somebody_else_or_a_made_up_one_is_refused(queue: AuditQueue) -> None:
    queue.enqueue([item()])
    claim = claimed(queue)
    with pytest.raises(NotTheirs, match="not one of 'bob'"):
        queue.decide(claim, accept("bob"), NOW)
    with pytest.raises(InputError, match="not one of 'ann'"):
        queue.decide(replace(claim, token="forged"), accept("ann"), NOW)
    assert queue.counts() == {"layers": Counts(open=1, decided=0, unreviewed=0)}


def test_a_decision_and_its_outbox_row_come_together_and_once(queue: AuditQueue, database: str) -> None:
    queue.enqueue([item()])
    claim = claimed(queue)
    decision = Decision(Verdict.REVISE, "ann", "better", 2**64 - 1, "partial", "why", 2.5)
    assert queue.decide(claim, decision, NOW) is True
    assert queue.decide(claim, replace(decision, minutes=9.0), NOW + 500) is False
    assert queue.decide(claim.item.key, decision, NOW) is False
    assert queue.decide_case("c1", decision, NOW) is False
    with AuditQueue.open(database, "run", create=False) as again:
        (row,) = again.outbox()
        assert (row.arm, row.case_id, row.step, row.epoch, row.input_hash) == ("layers", "c1", "human@0", 0, 2**64 - 1)
        assert row.decision == decision
        assert not row.unreviewed
        again.mark_applied([row.id])
        again.mark_applied([row.id])
        assert again.outbox() == []
    assert queue.counts() == {"layers": Counts(open=0, decided=1, unreviewed=0)}
    assert [i.state for i in queue.list_items()] == [State.SETTLED]


def test_a_decision_stands(queue: AuditQueue) -> None:
    queue.enqueue([item()])
    queue.decide_case("c1", accept(), NOW)
    with pytest.raises(InputError, match="already decided 'accept'"):
        queue.decide_case("c1", Decision(Verdict.REJECT, "ann"), NOW)
    with pytest.raises(InputError, match="settled already, by 'ann'"):
        queue.decide_case("c1", accept("bob"), NOW)
    assert queue.close(NOW) == queue.expire(math.inf) == 0
    assert [row.decision for row in queue.outbox()] == [accept()]


def test_a_crash_between_decision_and_outbox_leaves_neither(queue: AuditQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    queue.enqueue([item()])
    with monkeypatch.context() as patch:
        patch.setattr("hierarchy.audit.settle.OUTBOX", None)  # the last of the statements cannot even be built
        with pytest.raises(AttributeError):
            queue.decide(ItemKey("layers", "c1", "human@0"), accept(), NOW)
    assert queue.outbox() == []
    assert queue.spent("ann", "layers") == 0
    assert queue.decide(ItemKey("layers", "c1", "human@0"), accept(), NOW) is True


def test_the_database_itself_refuses_a_second_row(queue: AuditQueue) -> None:
    queue.enqueue([item()])
    queue.decide_case("c1", accept(), NOW)
    row = decision_row(1, Decision(Verdict.REJECT, "ann"), NOW, "another key")
    with pytest.raises(IntegrityError, match=r"(?i)unique"), write(queue.engine) as connection:
        connection.execute(DECISION.insert(), row)
    row = decision_row(1, accept("bob"), NOW, "run/1/ann/0")
    with pytest.raises(IntegrityError, match=r"(?i)unique"), write(queue.engine) as connection:
        connection.execute(DECISION.insert(), row)
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"), write(queue.engine) as connection:
        connection.execute(ITEM.delete())


def test_a_case_in_several_arms_must_be_named_with_its_arm(queue: AuditQueue) -> None:
    queue.enqueue([item("c1", arm="layers"), item("c1", arm="panel")])
    with pytest.raises(InputError, match="several arms; say which one: layers, panel"):
        queue.decide_case("c1", accept(), NOW)
    assert queue.decide_case("c1", accept(), NOW, arm="panel")
    assert queue.decide_case("c1", accept("bob"), NOW), "only one arm still waits"
    assert [row.arm for row in queue.outbox()] == ["panel", "layers"]


def test_an_unknown_case_is_named(queue: AuditQueue) -> None:
    queue.enqueue([item("c1")])
    for attempt in (
        lambda: queue.decide_case("c9", accept(), NOW),
        lambda: queue.decide_case("c1", accept(), NOW, arm="panel"),
        lambda: queue.decide(ItemKey("layers", "c9", "human@0"), accept(), NOW),
    ):
        with pytest.raises(InputError, match="not in the audit queue"):
            attempt()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"verdict": Verdict.REVISE}, "needs the revised response"),
        ({"verdict": Verdict.REVISE, "text": " \n"}, "empty"),
        ({"verdict": Verdict.ACCEPT, "text": "new"}, "takes no text"),
        ({"verdict": Verdict.MISSING}, "accepted: accept, revise, reject"),
        ({"verdict": Verdict.ESCALATE}, "accepted: accept, revise, reject"),
        ({"verdict": Verdict.ACCEPT, "auditor": " "}, "auditor"),
        ({"verdict": Verdict.ACCEPT, "minutes": math.nan}, "minutes"),
        ({"verdict": Verdict.REVISE, "text": "\ud800"}, "surrogate"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Decision(**{"auditor": "ann", **given})  # type: ignore[arg-type]


def test_verdicts_are_read_by_name() -> None:
    assert verdict_named(" Revise ") is Verdict.REVISE
    with pytest.raises(InputError, match="'maybe'; accepted: accept, revise, reject"):
        verdict_named("maybe")


def test_nobody_answers_as_the_policy(queue: AuditQueue) -> None:
    queue.enqueue([item()])
    for attempt in (
        lambda: queue.decide_case("c1", accept(POLICY), NOW),
        lambda: queue.decide_many([(item().key, accept(POLICY))], NOW),
        lambda: queue.claim(POLICY, NOW, 60.0),
    ):
        with pytest.raises(InputError, match="policy"):
            attempt()


def test_past_its_due_time_a_case_is_the_policys_alone_and_once(queue: AuditQueue) -> None:
    queue.enqueue([item("early", due=NOW), item("late", due=NOW + 10)])
    held = claimed(queue, now=NOW - 1)
    assert held.item.case_id == "early"
    with pytest.raises(InputError, match="due"):
        queue.decide(held, accept(), NOW)
    assert claimed(queue, "bob").item.case_id == "late"
    assert (queue.expire(NOW), queue.expire(NOW)) == (1, 0)
    (row,) = queue.outbox()
    assert (row.case_id, row.decision.verdict, row.decision.auditor, row.unreviewed) == (
        "early",
        Verdict.REJECT,
        POLICY,
        True,
    )
    with pytest.raises(InputError, match="settled already, by 'policy'"):
        queue.decide(held, accept(), NOW)


def test_close_is_explicit_and_by_arm(queue: AuditQueue, database: str) -> None:
    queue.enqueue([item(f"c{i}", arm=arm) for i in range(700) for arm in ("layers", "panel")])
    queue.close_database()
    with AuditQueue.open(database, "run") as again:
        assert again.counts()["panel"] == Counts(open=700, decided=0, unreviewed=0), "the end of a run closes nothing"
        assert (again.close(NOW, "panel"), again.close(NOW, "panel")) == (700, 0)
        assert again.counts() == {"layers": Counts(700, 0, 0), "panel": Counts(0, 0, 700)}
        assert len({row.case_id for row in again.outbox()}) == len(again.outbox()) == 700


def test_runs_in_one_database_do_not_meet(database: str, queue: AuditQueue) -> None:
    queue.enqueue([item()])
    with AuditQueue.open(database, "other") as other:
        assert other.claim("bob", NOW, 60.0) is None
        assert other.enqueue([item()]) == 1
        assert other.close(NOW) == 1
        assert len(other.outbox()) == 1
    assert queue.outbox() == []
    assert queue.counts() == {"layers": Counts(1, 0, 0)}


def test_a_lease_must_last(queue: AuditQueue) -> None:
    with pytest.raises(InputError, match="more than 0"):
        queue.claim("ann", NOW, 0.0)
