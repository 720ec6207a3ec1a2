"""Inside the write transaction of a decision: whether it is still allowed, then everything it changes, at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, func, select

from agents.vocabulary import Verdict
from hierarchy.audit.decision import Decision
from hierarchy.audit.errors import Conflict, LateAnswer, NotTheirs, Refused, Unreadable
from hierarchy.audit.records import GOLD, POLICY, Claim, Kind, State
from hierarchy.audit.rows import decision_of, decision_row, named
from hierarchy.audit.schema import DECISION, DRAFT, ITEM, LEASE, OUTBOX
from hierarchy.audit.trail import Change, digest
from hierarchy.database import chunks, load

_CHUNK = 500


def submit(change: Change, item: Row[Any], decision: Decision, now: float, claim: Claim | None, key: str) -> bool:
    """Record a person's decision on an item; False where it was given before, by the same key or in the same words.

    Raises NotTheirs, Conflict, LateAnswer or Unreadable; see `hierarchy.audit.errors`.
    """
    if _given_before(change.connection, item, decision, key):
        return False
    if item.state == State.SETTLED:
        raise Conflict(f"{named(item)} is settled already, by {_settled_by(change.connection, item.id)!r}")
    _check_lease(change.connection, item, decision.auditor, now, claim)
    if item.due_at <= now:
        raise LateAnswer(f"{named(item)} was due at {item.due_at}; the policy for unreviewed cases answers it")
    _check_content(change.connection, item, decision)
    record(change, item, decision, now, key)
    return True


def record(change: Change, item: Row[Any], decision: Decision, now: float, key: str) -> None:
    """Take a decision that is allowed: its row, the event, and what follows (nothing yet, a dispute, or settling)."""
    connection = change.connection
    decision = replace(decision, round=_rounds(connection, item.id, decision.auditor))
    row = decision_row(item.id, decision, now, key, item.state == State.DISPUTED)
    decision_id = connection.execute(DECISION.insert().returning(DECISION.c.id), row).scalar_one()
    mine = (LEASE.c.item_id == item.id, LEASE.c.auditor == decision.auditor, LEASE.c.ended.is_(False))
    connection.execute(LEASE.update().where(*mine).values(ended=True))
    connection.execute(DRAFT.delete().where(DRAFT.c.item_id == item.id, DRAFT.c.auditor == decision.auditor))
    state, settling = _after(connection, item, decision_id)
    connection.execute(ITEM.update().where(ITEM.c.id == item.id).values(answers=ITEM.c.answers + 1, state=state))
    change.note("decide", now, item.id, **_told(row), state=state)
    if settling is not None:
        _hand_over(change, item, settling)


def _after(connection: Connection, item: Row[Any], decision_id: int) -> tuple[str, int | None]:
    """The item's state with this decision, and the id of the decision that settles it (None where none does yet)."""
    if item.state == GOLD:
        return GOLD, None
    if item.state == State.DISPUTED:
        return State.SETTLED.value, decision_id
    if item.answers + 1 < item.reviewers:
        return State.OPEN.value, None
    rows = connection.execute(standing(item.id)).all()
    first, *others = (decision_of(row) for row in rows)
    if all(first.agrees(other) for other in others):
        return State.SETTLED.value, rows[0].id
    return State.DISPUTED.value, None


def _hand_over(change: Change, item: Row[Any], decision_id: int) -> None:
    """Write the outbox row of a settled case; what is no case has nowhere to go."""
    connection = change.connection
    connection.execute(LEASE.update().where(LEASE.c.item_id == item.id).values(ended=True))
    if item.kind == Kind.CASE:
        row = {"item_id": item.id, "decision_id": decision_id, "taken": False, "applied": False}
        connection.execute(OUTBOX.insert(), row)


def standing(item_id: int) -> Any:
    """The decisions on an item that were not undone, oldest first."""
    where = (DECISION.c.item_id == item_id, DECISION.c.undone.is_(False))
    return select(DECISION).where(*where).order_by(DECISION.c.id)


def settle_all(change: Change, answers: Sequence[tuple[Row[Any], Decision]], now: float) -> None:
    """Settle items at one stroke: those the policy answers, and those a program answers that need one reviewer."""
    connection = change.connection
    for part in chunks(answers, _CHUNK):
        rows = [decision_row(item.id, said, now, f"{change.run}/{item.id}/{said.auditor}/0") for item, said in part]
        returned = connection.execute(DECISION.insert().returning(DECISION.c.item_id, DECISION.c.id), rows)
        decision_ids = {row.item_id: row.id for row in returned}
        rest = {"taken": False, "applied": False}
        outbox = [
            {"item_id": item.id, "decision_id": decision_ids[item.id], **rest}
            for item, _ in part
            if item.kind == Kind.CASE
        ]
        if outbox:
            connection.execute(OUTBOX.insert(), outbox)
        settled = {"state": State.SETTLED.value, "answers": ITEM.c.answers + 1}
        connection.execute(ITEM.update().where(ITEM.c.id.in_(decision_ids)).values(settled))
        connection.execute(LEASE.update().where(LEASE.c.item_id.in_(decision_ids)).values(ended=True))
        for row in rows:
            change.note("decide", now, row["item_id"], **_told(row), state=State.SETTLED.value)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """What the trail says of a decision: who, when, and a digest of the answer, which it keeps to itself."""
    return {"auditor": row["auditor"], "round": row["round"], "digest": decision_digest(row)}


def decision_digest(row: Any) -> str:
    """The digest of a decision's row (a mapping), all that an answer says and when it was given."""
    names = ("auditor", "round", "key", "verdict", "text", "latent", "label", "principles", "comment", "minutes")
    return digest(*(row[name] for name in names), row["decided_at"], bool(row["adjudicates"]))


def check_auditor(name: str) -> None:
    """Raise Refused where somebody would answer under the policy's name, or under none."""
    if name == POLICY or not name.strip():
        raise Refused(f"auditor {name!r}; expected a name of somebody who decides ({POLICY!r} is the program's)")


def by_key(connection: Connection, key: str) -> Row[Any] | None:
    """The decision that was given under this idempotency key, None where there is none."""
    return connection.execute(select(DECISION).where(DECISION.c.key == key)).first()


def _given_before(connection: Connection, item: Row[Any], decision: Decision, key: str) -> bool:
    row = by_key(connection, key)
    if row is not None and (row.item_id != item.id or row.undone):
        raise Conflict(f"{named(item)}: the key {key!r} was used for another decision; a key is for one decision only")
    where = (DECISION.c.auditor == decision.auditor,)
    row = row or connection.execute(standing(item.id).where(*where)).first()
    if row is None:
        return False
    before = decision_of(row)
    if before.auditor == decision.auditor and before.says_the_same(decision):
        return True
    raise Conflict(
        f"{named(item)}: {before.auditor!r} already decided {before.verdict.name.lower()!r}; "
        "a decision stands as it was given"
    )


def _rounds(connection: Connection, item_id: int, auditor: str) -> int:
    query = select(func.count()).where(DECISION.c.item_id == item_id, DECISION.c.auditor == auditor)
    return connection.execute(query).scalar_one()


def _settled_by(connection: Connection, item_id: int) -> str:
    rows = connection.execute(standing(item_id)).all()
    policy = [row.auditor for row in rows if row.auditor == POLICY]
    return str((policy or [rows[-1].auditor])[0])


def _check_content(connection: Connection, item: Row[Any], decision: Decision) -> None:
    payload = load(item.payload)
    said = {"principle": decision.principles, "label": (decision.label,) if decision.label is not None else ()}
    for what, names in said.items():
        known = payload.get(f"{what}s")
        for name in names:
            if known is not None and name not in known:
                raise Unreadable(f"{named(item)}: {what} {name!r}; accepted: {', '.join(known) or 'none'}")
    if item.kind == Kind.PROPOSAL and (decision.verdict is Verdict.REVISE or not (decision.comment or "").strip()):
        raise Unreadable(f"{named(item)}: a proposal is accepted or rejected, with a reason as comment")


def _check_lease(connection: Connection, item: Row[Any], auditor: str, now: float, claim: Claim | None) -> None:
    """With a claim, its lease must be live and the auditor's own; without one, a seat must be free."""
    if claim is None:
        _check_seat(connection, item, auditor, now)
        return
    row = connection.execute(
        select(LEASE).where(LEASE.c.token == claim.token, LEASE.c.item_id == item.id, LEASE.c.auditor == auditor)
    ).first()
    if row is None:
        raise NotTheirs(f"{named(item)}: the claim is not one of {auditor!r}; claim the case first")
    if row.ended or row.expires_at <= now:
        raise LateAnswer(f"{named(item)}: the claim expired at {row.expires_at}; claim the case again")


def _check_seat(connection: Connection, item: Row[Any], auditor: str, now: float) -> None:
    if item.state == GOLD:
        return
    where = (LEASE.c.item_id == item.id, LEASE.c.ended.is_(False), LEASE.c.expires_at > now)
    rows = connection.execute(select(LEASE).where(*where).order_by(LEASE.c.fence)).all()
    others = [row for row in rows if row.auditor != auditor]
    if others and item.answers + len(others) >= item.reviewers + (item.state == State.DISPUTED):
        raise Conflict(
            f"{named(item)} is held by {others[0].auditor!r} until {others[0].expires_at}; claim another case"
        )
