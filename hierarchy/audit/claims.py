"""Which case comes next for whom, and the leases under which cases are held.

A claim requires, in one transaction, that decisions and live leases are fewer than the reviewers needed. What SQLite
gets from `BEGIN IMMEDIATE`, PostgreSQL gets from a lock on the item's row (`FOR UPDATE SKIP LOCKED`) and a second look
at its leases: those that were added while the lock was waited for are not in the first one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Float, Row, Select, and_, bindparam, case, exists, func, or_, select

from agents import rng
from constitutions.errors import InputError
from hierarchy.audit.records import GOLD, Claim, Kind, State
from hierarchy.audit.rows import QUEUE_ORDER, SEEN, WHOLE, item_of
from hierarchy.audit.schema import DECISION, DRAFT, ITEM, LEASE, RUN, SKIP
from hierarchy.audit.settle import check_auditor
from hierarchy.audit.trail import Change
from hierarchy.database import load

_NOW: BindParameter[float] = bindparam("now")
_AUDITOR: BindParameter[str] = bindparam("auditor")
_LIVE = and_(LEASE.c.item_id == ITEM.c.id, LEASE.c.ended.is_(False), LEASE.c.expires_at > _NOW)
_HELD = select(func.count()).where(_LIVE).correlate(ITEM).scalar_subquery()
_FREE = ITEM.c.answers + _HELD < ITEM.c.reviewers + case((ITEM.c.state == State.DISPUTED.value, 1), else_=0)
_GIVEN = exists().where(DECISION.c.item_id == ITEM.c.id, DECISION.c.auditor == _AUDITOR, DECISION.c.undone.is_(False))
_HELD_BY_THEM = exists().where(_LIVE, LEASE.c.auditor == _AUDITOR)
_SKIPPED = exists().where(SKIP.c.item_id == ITEM.c.id, SKIP.c.auditor == _AUDITOR)


@cache
def waiting(
    *, by_arm: bool = False, by_auditor: bool = False, gold: bool = False, hidden: bool = False, limited: bool = False
) -> Select[Any]:
    """Items of one state that could be claimed now, in queue order, of one arm or by one auditor where so asked.

    The parameters are those of `asked`. Built once: to build it takes longer than to run it.
    """
    where = [ITEM.c.run == bindparam("run"), ITEM.c.kind == bindparam("kind"), ITEM.c.state == bindparam("state")]
    # Not a bare column: SQLite would take the index by due time, and sort every open case by priority at each claim.
    where.append(ITEM.c.due_at + 0.0 > _NOW)
    if by_arm:
        where.append(ITEM.c.arm == bindparam("arm"))
    if not gold:
        where.append(_FREE)
    if by_auditor:
        where += [~part.correlate(ITEM) for part in (_GIVEN, _HELD_BY_THEM, _SKIPPED)]
    query = select(*(WHOLE if hidden else SEEN)).where(*where).order_by(*QUEUE_ORDER)
    return query.limit(bindparam("most")) if limited else query


@cache
def _first(by_arm: bool, hidden: bool) -> Select[Any]:
    query = waiting(by_arm=by_arm, by_auditor=True, hidden=hidden)
    return query.limit(1).with_for_update(of=ITEM, skip_locked=True)


@cache
def _gold_before(by_arm: bool, hidden: bool) -> Select[Any]:
    """The last gold case in queue order whose turn has come when that of a real case has: one that came before its turn
    would be known by its priority, due time or age."""
    item, at = (
        ITEM.c,
        {name: bindparam(f"at_{name}", type_=Float(53)) for name in ("priority", "due_at", "enqueued_at")},
    )
    alike = and_(item.priority == at["priority"], item.due_at == at["due_at"])
    sooner = or_(
        item.priority > at["priority"],
        and_(item.priority == at["priority"], item.due_at < at["due_at"]),
        and_(alike, item.enqueued_at <= at["enqueued_at"]),
    )
    query = waiting(by_arm=by_arm, by_auditor=True, gold=True, hidden=hidden).where(sooner)
    order = (ITEM.c.priority, ITEM.c.due_at.desc(), ITEM.c.enqueued_at.desc(), ITEM.c.tie, ITEM.c.id)
    return query.order_by(None).order_by(*order).limit(1).with_for_update(of=ITEM, skip_locked=True)


_STILL_FREE = select(ITEM.c.id).where(ITEM.c.id == bindparam("id"), ITEM.c.state == bindparam("state"), _FREE)
_LOCK = select(ITEM.c.id).where(ITEM.c.id == bindparam("id")).with_for_update()
_SHARE = select(RUN.c.hash, RUN.c.gold_share).where(RUN.c.run == bindparam("run"))


@dataclass(frozen=True)
class Asked:
    """Who asks for which case: the parameters of `waiting`."""

    run: str
    now: float
    state: str = State.OPEN.value
    arm: str | None = None
    auditor: str | None = None
    kind: Kind = Kind.CASE

    def values(self, **others: Any) -> dict[str, Any]:
        """The parameters as the statement takes them."""
        given = {name: value for name, value in (("arm", self.arm), ("auditor", self.auditor)) if value is not None}
        return {"run": self.run, "now": self.now, "state": self.state, "kind": self.kind.value, **given, **others}


@dataclass(frozen=True)
class Wanted:
    """A claim that an auditor wants: the next item of a kind (of one arm), or the next in dispute, for so long."""

    auditor: str
    now: float
    lease_seconds: float
    arm: str | None = None
    hidden: bool = False
    adjudicate: bool = False
    kind: Kind = Kind.CASE

    def __post_init__(self) -> None:
        """Refuse a name that decides nothing, and a lease that is over at once."""
        check_auditor(self.auditor)
        if not self.lease_seconds > 0:
            raise InputError(f"lease of {self.lease_seconds} seconds; expected more than 0")


def lease_next(change: Change, wanted: Wanted, seed: int, token: str, *, wait: bool = True) -> Claim | None:
    """Lease the first item that is wanted, or now and then a gold case in its place; None where nothing waits.

    Without `wait` what another transaction has locked is passed by: who holds a lock must not wait for one.
    """
    state = State.DISPUTED if wanted.adjudicate else State.OPEN
    asked = Asked(change.run, wanted.now, state.value, wanted.arm, wanted.auditor, wanted.kind)
    row = next_item(change.connection, asked, wanted.hidden, wait)
    if row is None:
        return None
    if not wanted.adjudicate and wanted.kind is Kind.CASE:
        row = gold_instead(change.connection, seed, asked, row, wanted.hidden) or row
    return lease(change, row, wanted.auditor, wanted.now, wanted.lease_seconds, token)


def next_item(connection: Connection, asked: Asked, hidden: bool, wait: bool = True) -> Row[Any] | None:
    """The first item asked for, locked, where it is still free once it is locked; None where nothing waits."""
    by_arm, values = asked.arm is not None, asked.values()
    query = _first(by_arm, hidden)
    row = connection.execute(query, values).first()
    if connection.dialect.name == "sqlite":
        return row
    if row is None and wait:
        # What others have locked at this moment may have a seat left: wait for the first of it.
        locked = connection.execute(
            waiting(by_arm=by_arm, by_auditor=True, limited=True), {**values, "most": 1}
        ).first()
        if locked is not None:
            connection.execute(_LOCK, {"id": locked.id})
            row = connection.execute(query, values).first()
    while row is not None:
        if still_free(connection, row, asked):
            return row
        row = connection.execute(query, values).first()
    return None


def still_free(connection: Connection, row: Row[Any], asked: Asked) -> bool:
    """Whether a seat of the item is free now that its row is locked."""
    values = {"id": row.id, "state": asked.state, "now": asked.now}
    return connection.execute(_STILL_FREE, values).first() is not None


def gold_instead(connection: Connection, seed: int, asked: Asked, real: Row[Any], hidden: bool) -> Row[Any] | None:
    """A gold case this auditor has not seen, in place of a real one, for the share of claims the run has set; None for
    the others, and where no gold case stands as far ahead in the queue as the real one does.

    The draw is a hash of the seed, the auditor and the trail's last event, which nobody outside can foresee.
    """
    row = connection.execute(_SHARE, {"run": asked.run}).first()
    if row is None or not row.gold_share:
        return None
    if float(rng.uniform(rng.key(seed, "gold", str(asked.auditor), row.hash))[0]) >= row.gold_share:
        return None
    place = {"at_priority": real.priority, "at_due_at": real.due_at, "at_enqueued_at": real.enqueued_at}
    values = replace(asked, state=GOLD).values(**place)
    return connection.execute(_gold_before(asked.arm is not None, hidden), values).first()


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
    where = (ITEM.c.run == run, LEASE.c.auditor == auditor, LEASE.c.ended.is_(False), LEASE.c.expires_at > now)
    return query.where(*where).order_by(LEASE.c.expires_at.desc(), LEASE.c.token)


def claim_of(connection: Connection, row: Row[Any], auditor: str) -> Claim:
    """The claim of a row of `held_by`."""
    return Claim(item_of(row), row.token, auditor, row.expires_at, row.held_fence, draft(connection, row.id, auditor))
