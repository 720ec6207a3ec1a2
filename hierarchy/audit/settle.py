"""Inside the write transaction of a decision: whether it is still allowed, then everything it changes, at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from constitutions.errors import InputError
from hierarchy.audit.records import POLICY, Claim, Decision, State
from hierarchy.audit.rows import decision_of, decision_row, lease_of
from hierarchy.audit.schema import DECISION, ITEM, LEASE, OUTBOX
from hierarchy.database import chunks

_CHUNK = 500


def submit(connection: Connection, item: Row[Any], decision: Decision, now: float, claim: Claim | None) -> bool:
    """Record a person's decision on an item; False where this auditor gave the same one before.

    Raises InputError where it contradicts an earlier one, the item is settled or past due, or the lease is not theirs.
    """
    before = _given(connection, item.id, decision)
    if before is not None:
        if before.says_the_same(decision):
            return False
        raise InputError(
            f"{_name(item)}: {decision.auditor!r} already decided {before.verdict.name.lower()!r}; "
            "a decision stands as it was given"
        )
    if item.state != State.OPEN:
        raise InputError(f"{_name(item)} is settled already, by {_settled_by(connection, item.id)!r}")
    if item.due_at <= now:
        raise InputError(f"{_name(item)} was due at {item.due_at}; the policy for unreviewed cases answers it")
    _check_lease(connection, item, decision.auditor, now, claim)
    settle(connection, [(item.id, decision)], now)
    return True


def settle(connection: Connection, answers: Sequence[tuple[int, Decision]], now: float) -> None:
    """Settle open items (by row id): decision, outbox row and state, in the transaction of the caller."""
    for part in chunks(answers, _CHUNK):
        rows = [decision_row(item_id, decision, now) for item_id, decision in part]
        returned = connection.execute(DECISION.insert().returning(DECISION.c.item_id, DECISION.c.id), rows)
        decision_ids = {row.item_id: row.id for row in returned}
        outbox = [{"item_id": i, "decision_id": decision_ids[i], "applied": False} for i, _ in part]
        connection.execute(OUTBOX.insert(), outbox)
        connection.execute(ITEM.update().where(ITEM.c.id.in_(decision_ids)).values(state=State.SETTLED.value))


def check_auditor(name: str) -> None:
    """Raise InputError where somebody would answer under the policy's name, or under none."""
    if name == POLICY or not name.strip():
        raise InputError(f"auditor {name!r}; expected a name of somebody who decides ({POLICY!r} is the program's)")


def _name(item: Row[Any]) -> str:
    return f"case {item.case_id!r} of arm {item.arm!r}"


def _given(connection: Connection, item_id: int, decision: Decision) -> Decision | None:
    row = connection.execute(
        select(DECISION).where(
            DECISION.c.item_id == item_id, DECISION.c.auditor == decision.auditor, DECISION.c.round == decision.round
        )
    ).first()
    return None if row is None else decision_of(row)


def _settled_by(connection: Connection, item_id: int) -> str:
    query = select(DECISION.c.auditor).join(OUTBOX, OUTBOX.c.decision_id == DECISION.c.id)
    auditor: str = connection.execute(query.where(OUTBOX.c.item_id == item_id)).scalar_one()
    return auditor


def _check_lease(connection: Connection, item: Row[Any], auditor: str, now: float, claim: Claim | None) -> None:
    lease = connection.execute(lease_of(item.id, item.fence)).first()
    live = lease is not None and lease.expires_at > now
    if lease is not None and live and lease.auditor != auditor:
        raise InputError(f"{_name(item)} is held by {lease.auditor!r} until {lease.expires_at}; claim another case")
    if claim is None or (lease is not None and live and lease.token == claim.token):
        return
    known = connection.execute(select(LEASE.c.auditor).where(LEASE.c.token == claim.token)).scalar_one_or_none()
    if known != auditor:
        raise InputError(f"{_name(item)}: the claim is not one of {auditor!r}; claim the case first")
    raise InputError(f"{_name(item)}: the claim expired at {claim.expires_at}; claim the case again")
