"""What may be read of the queue, and by whom: items in their order, decisions once they are open, the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, Select, exists, func, or_, select

from hierarchy.audit.decision import Decision
from hierarchy.audit.errors import Unknown
from hierarchy.audit.find import item_where
from hierarchy.audit.records import GOLD, POLICY, Appeal, Counts, Item, ItemKey, Kind, OutboxRow, State
from hierarchy.audit.rows import QUEUE_ORDER, SEEN, WHOLE, decision_of, item_of
from hierarchy.audit.schema import DECISION, ITEM, OUTBOX
from hierarchy.audit.settle import standing
from hierarchy.database import read, to_unsigned


@dataclass(frozen=True, slots=True)
class Given:
    """A decision that is open to be read, on which item, when, and whether it settled a dispute."""

    key: ItemKey
    kind: Kind
    decision: Decision
    decided_at: float
    adjudicates: bool


def appeals(engine: Engine, run: str, arm: str) -> dict[str, Appeal]:
    """The cases of an arm that were ever reopened, by id."""
    last = select(ITEM.c.case_id, func.max(ITEM.c.epoch).label("epoch")).where(
        ITEM.c.run == run, ITEM.c.arm == arm, ITEM.c.kind == Kind.CASE.value, ITEM.c.epoch > 0
    )
    newest = last.group_by(ITEM.c.case_id).subquery()
    query = select(ITEM.c.case_id, ITEM.c.epoch, ITEM.c.state).join(
        newest, (newest.c.case_id == ITEM.c.case_id) & (newest.c.epoch == ITEM.c.epoch)
    )
    with read(engine) as connection:
        rows = connection.execute(query.where(ITEM.c.run == run, ITEM.c.arm == arm)).all()
    waits = {row.case_id: row.state != State.SETTLED for row in rows}
    return {row.case_id: Appeal(row.epoch - waits[row.case_id], waits[row.case_id]) for row in rows}


def listed(run: str, arm: str | None, state: State | None, hidden: bool, limit: int | None, kind: Kind) -> Select[Any]:
    """Items in queue order. A gold case is listed as an open one, which is what it looks like when it is claimed."""
    where = [ITEM.c.run == run, ITEM.c.kind == kind.value]
    if arm is not None:
        where.append(ITEM.c.arm == arm)
    if state is not None:
        where.append(ITEM.c.state.in_([state.value, GOLD] if state is State.OPEN else [state.value]))
    return select(*(WHOLE if hidden else SEEN)).where(*where).order_by(*QUEUE_ORDER).limit(limit)


def counts(engine: Engine, run: str) -> dict[str, Counts]:
    """Audit load per arm, arms by name; gold cases, proposals and critiques are no load of an arm."""
    policy = exists().where(DECISION.c.item_id == ITEM.c.id, DECISION.c.auditor == POLICY)
    settled = ITEM.c.state == State.SETTLED.value
    query = (
        select(
            ITEM.c.arm,
            func.count().filter(~settled),
            func.count().filter(settled, ~policy),
            func.count().filter(settled, policy),
        )
        .where(ITEM.c.run == run, ITEM.c.kind == Kind.CASE.value, ITEM.c.state != GOLD)
        .group_by(ITEM.c.arm)
        .order_by(ITEM.c.arm)
    )
    with read(engine) as connection:
        return {arm: Counts(*numbers) for arm, *numbers in connection.execute(query)}


def visible_decisions(engine: Engine, run: str, key: ItemKey, viewer: str | None) -> list[Given]:
    """Standing decisions on an item that this person may see, oldest first; `viewer` None: nobody in particular.

    Of a case under blind review that is their own only, until every reviewer has decided. Raises Unknown.
    """
    with read(engine) as connection:
        item = connection.execute(select(*SEEN).where(ITEM.c.run == run, *item_where(key))).first()
        if item is None:
            raise Unknown(f"case {key.case_id!r} of arm {key.arm!r} is not in the audit queue of {run!r}")
        rows = connection.execute(standing(item.id)).all()
    closed = item.state == GOLD or (item.blind and item.state == State.OPEN)
    return [_given(item, row) for row in rows if not closed or row.auditor == viewer]


def open_decisions(engine: Engine, run: str, kind: Kind | None = None) -> list[Given]:
    """Every standing decision of the run that anybody may see, in the order they were given."""
    is_open = or_(ITEM.c.state.in_([State.SETTLED.value, State.DISPUTED.value]), ITEM.c.blind.is_(False))
    query = (
        select(*_KEY, DECISION)
        .join(DECISION, DECISION.c.item_id == ITEM.c.id)
        .where(ITEM.c.run == run, ITEM.c.state != GOLD, DECISION.c.undone.is_(False), is_open)
        .order_by(DECISION.c.id)
    )
    if kind is not None:
        query = query.where(ITEM.c.kind == kind.value)
    with read(engine) as connection:
        return [_given(row, row) for row in connection.execute(query)]


_KEY = (ITEM.c.arm, ITEM.c.case_id, ITEM.c.step, ITEM.c.epoch, ITEM.c.kind)


def _given(item: Row[Any], row: Row[Any]) -> Given:
    key = ItemKey(item.arm, item.case_id, item.step, item.epoch)
    return Given(key, Kind(item.kind), decision_of(row), row.decided_at, row.adjudicates)


def settled_decision(engine: Engine, run: str, key: ItemKey) -> Decision | None:
    """The decision that settled the item, None while it waits: the policy's, the adjudicator's, else the first."""
    where = (ITEM.c.run == run, *item_where(key), ITEM.c.state == State.SETTLED.value)
    with read(engine) as connection:
        item_id = connection.execute(select(ITEM.c.id).where(*where)).scalar_one_or_none()
        rows = [] if item_id is None else connection.execute(standing(item_id)).all()
    last_word = [row for row in rows if row.auditor == POLICY or row.adjudicates]
    return decision_of((last_word or rows)[0]) if rows else None


def read_items(engine: Engine, query: Select[Any], values: Mapping[str, Any] | None = None) -> list[Item]:
    """The items of a query with these parameters."""
    with read(engine) as connection:
        return [item_of(row) for row in connection.execute(query, values or {})]


def unapplied(run: str) -> Select[Any]:
    """The run's outbox rows that were not applied yet, oldest first."""
    minutes = select(func.sum(DECISION.c.minutes)).where(DECISION.c.item_id == ITEM.c.id, DECISION.c.undone.is_(False))
    return (
        select(
            OUTBOX.c.id.label("outbox_id"),
            *(ITEM.c[name] for name in ("arm", "case_id", "step", "epoch", "input_hash")),
            minutes.correlate(ITEM).scalar_subquery().label("all_minutes"),
            *(column for column in DECISION.c if column.name not in ("id", "item_id")),
        )
        .join_from(OUTBOX, ITEM, OUTBOX.c.item_id == ITEM.c.id)
        .join(DECISION, OUTBOX.c.decision_id == DECISION.c.id)
        .where(ITEM.c.run == run, OUTBOX.c.taken, OUTBOX.c.applied.is_(False))
        .order_by(OUTBOX.c.id)
    )


def outbox_rows(rows: Sequence[Row[Any]]) -> list[OutboxRow]:
    """The outbox rows of rows of `unapplied`."""
    return [
        OutboxRow(
            row.outbox_id,
            row.arm,
            row.case_id,
            row.step,
            row.epoch,
            to_unsigned(row.input_hash),
            decision_of(row),
            row.all_minutes,
        )
        for row in rows
    ]
