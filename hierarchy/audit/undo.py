"""Taking back: an auditor's own decision before the run has it, and an appeal against one that it has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Row, func, select

from hierarchy.audit.enqueue import note
from hierarchy.audit.errors import Conflict, LateAnswer, Unknown, Unreadable
from hierarchy.audit.records import GOLD, ItemKey, State
from hierarchy.audit.rows import key_of, named
from hierarchy.audit.schema import DECISION, ITEM, LEASE, OUTBOX
from hierarchy.audit.settle import standing
from hierarchy.audit.trail import Change


def undo(change: Change, item: Row[Any], auditor: str, now: float) -> None:
    """Take back the auditor's standing decision on the item, which waits again.

    Raises Unknown where they gave none; Conflict where others' decisions have been open to them since, or the run has
    taken the decision; LateAnswer where the case is past due.
    """
    connection = change.connection
    given = connection.execute(standing(item.id).where(DECISION.c.auditor == auditor)).first()
    if given is None:
        raise Unknown(f"{named(item)}: {auditor!r} has decided nothing that could be undone")
    if item.due_at <= now:
        raise LateAnswer(f"{named(item)} was due at {item.due_at}; the policy for unreviewed cases answers it")
    # A gold case that has as many answers as reviewers is as final as a real one that has.
    final = item.state not in (State.OPEN, GOLD) or item.answers >= item.reviewers
    if item.reviewers > 1 and final and not given.adjudicates:
        raise Conflict(f"{named(item)}: every reviewer has decided, and their answers are open; it can be reopened")
    if item.state == State.SETTLED:
        _recall(change, item)
    elif item.state == GOLD and _later_was_taken(change, given.id):
        raise _taken(item)
    connection.execute(DECISION.update().where(DECISION.c.id == given.id).values(undone=True))
    state = GOLD if item.state == GOLD else (State.DISPUTED if given.adjudicates else State.OPEN).value
    connection.execute(ITEM.update().where(ITEM.c.id == item.id).values(state=state, answers=ITEM.c.answers - 1))
    change.note("undo", now, item.id, auditor=auditor, round=given.round, state=state)


def _recall(change: Change, item: Row[Any]) -> None:
    """Take the item's outbox row back, where the run's writer has not read it yet."""
    gone = OUTBOX.delete().where(OUTBOX.c.item_id == item.id, OUTBOX.c.taken.is_(False))
    if not change.connection.execute(gone).rowcount and item.kind == "case":
        raise _taken(item)


def _later_was_taken(change: Change, decision_id: int) -> bool:
    """Whether the run has taken a decision of this age or younger: a real one would be gone with it."""
    later = OUTBOX.join(ITEM, OUTBOX.c.item_id == ITEM.c.id)
    query = (
        select(OUTBOX.c.id)
        .select_from(later)
        .where(ITEM.c.run == change.run, OUTBOX.c.taken, OUTBOX.c.decision_id > decision_id)
    )
    return change.connection.execute(query.limit(1)).first() is not None


def _taken(item: Row[Any]) -> Conflict:
    return Conflict(f"{named(item)}: the run has taken the decision; `reopen` appeals against it")


def reopen(change: Change, item: Row[Any], reason: str, by: str, now: float) -> ItemKey:
    """Open a new epoch of a settled case, with as much time as it had before. The old decision stands till it ends.

    Raises Unreadable without a reason; Conflict where the case waits already, or a later epoch exists.
    """
    if not reason.strip():
        raise Unreadable(f"{named(item)}: reason: empty; expected why the decision is appealed")
    connection = change.connection
    same = [ITEM.c[name] == getattr(item, name) for name in ("run", "arm", "case_id", "step")]
    latest = connection.execute(select(func.max(ITEM.c.epoch)).where(*same)).scalar_one()
    if item.state != State.SETTLED or latest != item.epoch:
        raise Conflict(f"{named(item)} waits for a decision; only a settled case can be reopened")
    copied = {name: value for name, value in item._mapping.items() if name not in ("id", "gold")}
    fresh = {"epoch": item.epoch + 1, "state": State.OPEN.value, "fence": 0, "answers": 0, "gold": None}
    times = {"enqueued_at": now, "due_at": now + (item.due_at - item.enqueued_at)}
    row = connection.execute(ITEM.insert().returning(ITEM), {**copied, **fresh, **times}).one()
    connection.execute(LEASE.update().where(LEASE.c.item_id == item.id).values(ended=True))
    change.note("reopen", now, item.id, by=by, reason=reason, epoch=row.epoch)
    note(change, row)
    return replace(key_of(item), epoch=row.epoch)
