"""Which case comes next for whom, and the leases under which cases are held.

A claim requires, in one transaction, that decisions and live leases are fewer than the reviewers needed. What SQLite
gets from `BEGIN IMMEDIATE`, PostgreSQL gets from a lock on the item's row (`FOR UPDATE SKIP LOCKED`) and a second look
at its leases: those that were added while the lock was waited for are not in the first one.
"""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, exists, func, literal, select

from agents import rng
from hierarchy.audit.records import GOLD, Claim, Kind, State
from hierarchy.audit.rows import QUEUE_ORDER, SEEN, WHOLE, item_of
from hierarchy.audit.schema import DECISION, DRAFT, ITEM, LEASE, RUN
from hierarchy.audit.trail import Change
from hierarchy.database import load


def live(now: float) -> ColumnElement[bool]:
    """Leases on the item that are not over."""
    return and_(LEASE.c.item_id == ITEM.c.id, LEASE.c.ended.is_(False), LEASE.c.expires_at > now)


def _free(now: float) -> ColumnElement[bool]:
    held = select(func.count()).where(live(now)).correlate(ITEM).scalar_subquery()
    needed = ITEM.c.reviewers + case((ITEM.c.state == State.DISPUTED.value, 1), else_=0)
    return ITEM.c.answers + held < needed


def _new_to(auditor: str, now: float) -> tuple[ColumnElement[bool], ...]:
    """Items this auditor has not decided and does not hold."""
    given = exists().where(DECISION.c.item_id == ITEM.c.id, DECISION.c.auditor == auditor, DECISION.c.undone.is_(False))
    return ~given.correlate(ITEM), ~exists().where(live(now), LEASE.c.auditor == auditor).correlate(ITEM)


def waiting(
    run: str,
    now: float,
    arm: str | None,
    state: str = State.OPEN.value,
    kind: Kind = Kind.CASE,
    auditor: str | None = None,
    hidden: bool = False,
) -> Select[Any]:
    """Items of one state that could be claimed now (by one auditor), in queue order."""
    where = [ITEM.c.run == run, ITEM.c.kind == kind.value, ITEM.c.state == state, ITEM.c.due_at > now]
    if arm is not None:
        where.append(ITEM.c.arm == arm)
    if state != GOLD:
        where.append(_free(now))
    if auditor is not None:
        where += _new_to(auditor, now)
    return select(*(WHOLE if hidden else SEEN)).where(*where).order_by(*QUEUE_ORDER)


def next_item(change: Change, query: Select[Any], now: float) -> Row[Any] | None:
    """The first item of the query, locked, where it is still free once it is locked; None where nothing waits."""
    connection = change.connection
    while (row := connection.execute(query.limit(1).with_for_update(of=ITEM, skip_locked=True)).first()) is not None:
        if connection.dialect.name == "sqlite" or row.state == GOLD:
            return row
        again = select(literal(1)).where(ITEM.c.id == row.id, ITEM.c.state == row.state, _free(now))
        if connection.execute(again).first() is not None:
            return row
    return None


def gold_instead(change: Change, seed: int, auditor: str, gold: Select[Any]) -> Row[Any] | None:
    """A gold case this auditor has not seen, for the share of claims the run has set; None for the others.

    The draw is a hash of the seed, the auditor and the trail's last event, which nobody outside can foresee.
    """
    row = change.connection.execute(select(RUN.c.hash, RUN.c.gold_share).where(RUN.c.run == change.run)).first()
    if row is None or not row.gold_share:
        return None
    if float(rng.uniform(rng.key(seed, "gold", auditor, row.hash))[0]) >= row.gold_share:
        return None
    return change.connection.execute(gold.order_by(None).order_by(ITEM.c.tie).limit(1)).first()


def lease(change: Change, row: Row[Any], auditor: str, now: float, seconds: float, token: str | None = None) -> Claim:
    """Give the item to the auditor. Leases on it that have expired are over for good, whatever another clock says."""
    connection, fence = change.connection, row.fence + 1
    connection.execute(
        LEASE.update().where(LEASE.c.item_id == row.id, LEASE.c.expires_at <= now, LEASE.c.ended.is_(False)),
        {"ended": True},
    )
    connection.execute(ITEM.update().where(ITEM.c.id == row.id), {"fence": fence})
    token, expires = token or secrets.token_hex(16), now + seconds
    given = {"token": token, "fence": fence, "auditor": auditor, "expires_at": expires, "ended": False}
    connection.execute(LEASE.insert(), {**given, "item_id": row.id})
    change.note("claim", now, row.id, auditor=auditor, fence=fence, expires=expires)
    return Claim(item_of(row), token, auditor, expires, fence, draft(connection, row.id, auditor))


def draft(connection: Connection, item_id: int, auditor: str) -> Any:
    """What the auditor had written about the item, None where nothing."""
    query = select(DRAFT.c.content).where(DRAFT.c.item_id == item_id, DRAFT.c.auditor == auditor)
    content = connection.execute(query).scalar_one_or_none()
    return None if content is None else load(content)


def held_by(run: str, auditor: str, now: float, hidden: bool) -> Select[Any]:
    """Live leases of an auditor, each with its item; the latest first."""
    columns = (LEASE.c.token, LEASE.c.fence.label("held_fence"), LEASE.c.expires_at)
    query = select(*(WHOLE if hidden else SEEN), *columns).join(LEASE, LEASE.c.item_id == ITEM.c.id)
    where = (ITEM.c.run == run, LEASE.c.auditor == auditor, live(now))
    return query.where(*where).order_by(LEASE.c.expires_at.desc(), LEASE.c.token)


def claim_of(connection: Connection, row: Row[Any], auditor: str) -> Claim:
    """The claim of a row of `held_by`."""
    return Claim(item_of(row), row.token, auditor, row.expires_at, row.held_fence, draft(connection, row.id, auditor))
