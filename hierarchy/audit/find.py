"""Finding one item inside a transaction, locked, so that what is read of it holds until the commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, func, select

from hierarchy.audit.claims import Asked, still_free, waiting
from hierarchy.audit.decision import Decision
from hierarchy.audit.errors import Conflict, Unknown
from hierarchy.audit.records import GOLD, ItemKey, Kind, State
from hierarchy.audit.rows import key_of
from hierarchy.audit.schema import DECISION, ITEM
from hierarchy.audit.settle import standing
from hierarchy.database import chunks

_CHUNK = 500


def item_where(key: ItemKey) -> tuple[Any, ...]:
    """The conditions that pick one item of a run."""
    return ITEM.c.arm == key.arm, ITEM.c.case_id == key.case_id, ITEM.c.step == key.step, ITEM.c.epoch == key.epoch


def item_at(connection: Connection, run: str, key: ItemKey) -> Row[Any]:
    """The item with this key. Raises Unknown."""
    query = select(ITEM).where(ITEM.c.run == run, *item_where(key)).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        raise Unknown(f"case {key.case_id!r} of arm {key.arm!r} is not in the audit queue of {run!r}")
    return row


def latest(
    connection: Connection,
    run: str,
    case_id: str,
    arm: str | None = None,
    kind: Kind = Kind.CASE,
    step: str | None = None,
) -> Row[Any]:
    """The item that a case id means: one that waits, else the newest epoch. Raises Unknown, Conflict."""
    where = [ITEM.c.run == run, ITEM.c.case_id == case_id, ITEM.c.kind == kind.value]
    where += [column == value for column, value in ((ITEM.c.arm, arm), (ITEM.c.step, step)) if value is not None]
    rows = connection.execute(select(ITEM).where(*where).order_by(ITEM.c.epoch, ITEM.c.id).with_for_update()).all()
    rows = [row for row in rows if row.state != State.SETTLED] or rows
    if not rows:
        among = f"arm {arm!r} of " if arm is not None else ""
        raise Unknown(f"{kind.value} {case_id!r} is not in the audit queue of {among}{run!r}")
    for name in ("arm", "step") if kind is not Kind.CASE else ("arm",):
        several = sorted({getattr(row, name) for row in rows})
        if len(several) > 1:
            raise Conflict(f"{kind.value} {case_id!r} is in several {name}s; say which one: {', '.join(several)}")
    return rows[-1]


def named_item(connection: Connection, run: str, where: Mapping[str, Any]) -> Row[Any]:
    """The item that `case_id`, and where given `arm`, `step` and `epoch`, mean. Raises Unknown, Conflict."""
    row = latest(connection, run, where["case_id"], where.get("arm"))
    key = key_of(row)
    given = {name: where[name] for name in ("step", "epoch") if where.get(name) is not None}
    return row if not given else item_at(connection, run, replace(key, **given))


def open_to(connection: Connection, run: str, key: ItemKey, auditor: str, now: float) -> Row[Any] | None:
    """The item, where this auditor could claim it now, to review or to adjudicate; None elsewhere."""
    return _seat(connection, key, [Asked(run, now, state.value, auditor=auditor) for state in _WAITS], hidden=False)


def free_for(
    connection: Connection, run: str, key: ItemKey, auditor: str, now: float, kind: Kind, hidden: bool
) -> Row[Any] | None:
    """The item, a gold case too, where this auditor could claim it now and still can once it is locked; None
    elsewhere."""
    asked = [Asked(run, now, state, auditor=auditor, kind=kind) for state in (*(s.value for s in _WAITS), GOLD)]
    return _seat(connection, key, asked, hidden)


_WAITS = (State.OPEN, State.DISPUTED)


def _seat(connection: Connection, key: ItemKey, asked: Sequence[Asked], hidden: bool) -> Row[Any] | None:
    for one in asked:
        query = waiting(by_auditor=True, gold=one.state == GOLD, hidden=hidden).where(*item_where(key))
        row = connection.execute(query.order_by(None).with_for_update(of=ITEM), one.values()).first()
        if row is not None and (one.state == GOLD or still_free(connection, row, one)):
            return row
    return None


def at_once(connection: Connection, run: str, keys: Sequence[ItemKey], now: float) -> dict[ItemKey, Row[Any]]:
    """Those of the items that one decision settles and that nobody holds."""
    query = waiting().where(ITEM.c.reviewers == 1, ITEM.c.answers == 0).order_by(None).with_for_update(of=ITEM)
    found: dict[ItemKey, Row[Any]] = {}
    for part in chunks(sorted({key.case_id for key in keys}), _CHUNK):
        for row in connection.execute(query.where(ITEM.c.case_id.in_(part)), Asked(run, now).values()):
            found[key_of(row)] = row
    return found


def given(connection: Connection, run: str, key: ItemKey, auditor: str) -> Row[Any] | None:
    """The auditor's standing decision on an item, None where there is none."""
    row = item_at(connection, run, key)
    return connection.execute(standing(row.id).where(DECISION.c.auditor == auditor)).first()


def spent(connection: Connection, run: str, auditors: Sequence[str], arm: str) -> int:
    """How many decisions these auditors gave in the arm, ever."""
    query = select(func.count()).select_from(DECISION).join(ITEM, DECISION.c.item_id == ITEM.c.id)
    where = (ITEM.c.run == run, ITEM.c.arm == arm, DECISION.c.auditor.in_(auditors))
    return connection.execute(query.where(*where)).scalar_one()


def key_for(connection: Connection, run: str, item: Row[Any], decision: Decision, key: str | None) -> str:
    """The key a decision is known by: the caller's, or one per item, auditor and decision round."""
    if key is not None:
        return f"{run}:{key}"
    undone = (DECISION.c.item_id == item.id, DECISION.c.auditor == decision.auditor, DECISION.c.undone)
    rounds = connection.execute(select(func.count()).where(*undone)).scalar_one()
    return f"{run}/{item.id}/{decision.auditor}/{rounds}"
