"""The audit queue of a run: cases wait, are claimed under a lease, decided once, and handed back through an outbox.

Every method is one transaction. The clock is the caller's (`now`, seconds): the queue never looks at one. Nothing is
closed because a run ended.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, exists, func, select

from agents.vocabulary import Verdict
from constitutions.errors import InputError
from hierarchy.audit.records import POLICY, Claim, Counts, Decision, Item, ItemKey, OutboxRow, State
from hierarchy.audit.rows import QUEUE_ORDER, SEEN, item_of, item_row, outbox_of, unapplied
from hierarchy.audit.schema import DECISION, ITEM, LEASE, OUTBOX, metadata
from hierarchy.audit.settle import check_auditor, settle, submit
from hierarchy.database import chunks, insert, open_database, read, write

_CHUNK = 1_000


class AuditQueue:
    """The cases of one run that wait for a person. Any number of processes may use one database.

    Use it as a context manager, or call `close_database`.
    """

    def __init__(self, engine: Engine, run: str, seed: int) -> None:
        self._engine, self._run, self._seed = engine, run, seed

    @classmethod
    def open(cls, target: str | Path, run: str, *, seed: int = 0, create: bool = True) -> AuditQueue:
        """Open the queue of `run` in a SQLite file or database URL, and make the tables unless `create` is False.

        `seed` keys the order among items of equal priority and due time. Raises InputError where it cannot be opened.
        """
        return cls(open_database(target, metadata, create=create), run, seed)

    def enqueue(self, items: Sequence[Item]) -> int:
        """Add items; returns how many are new.

        One that is there already (same arm, case, step and epoch) stays as it is.
        """
        if not items:
            return 0
        rows = [item_row(self._run, self._seed, item) for item in items]
        with write(self._engine) as connection:
            return connection.execute(insert(connection, ITEM).on_conflict_do_nothing(), rows).rowcount

    def claim(
        self, auditor: str, now: float, lease_seconds: float, arm: str | None = None, *, hidden: bool = False
    ) -> Claim | None:
        """Lease the first waiting case to an auditor; None where nothing waits.

        First by priority, then due time, then a keyed hash of the case id. No two live leases are on one case.
        """
        check_auditor(auditor)
        if not lease_seconds > 0:
            raise InputError(f"lease of {lease_seconds} seconds; expected more than 0")
        with write(self._engine) as connection:
            query = self._waiting(now, arm, hidden).limit(1).with_for_update(of=ITEM, skip_locked=True)
            row = connection.execute(query).first()
            if row is None:
                return None
            claim = Claim(item_of(row), secrets.token_hex(16), auditor, now + lease_seconds, row.fence + 1)
            connection.execute(ITEM.update().where(ITEM.c.id == row.id).values(fence=claim.fence))
            lease = {"token": claim.token, "fence": claim.fence, "auditor": auditor, "expires_at": claim.expires_at}
            connection.execute(LEASE.insert(), {**lease, "item_id": row.id})
            return claim

    def waiting(self, now: float, arm: str | None = None, limit: int | None = None) -> list[Item]:
        """Cases that could be claimed now, in the order in which they would be."""
        with read(self._engine) as connection:
            return [item_of(row) for row in connection.execute(self._waiting(now, arm).limit(limit))]

    def _waiting(self, now: float, arm: str | None, hidden: bool = False) -> Select[Any]:
        leased = exists().where(LEASE.c.item_id == ITEM.c.id, LEASE.c.fence == ITEM.c.fence, LEASE.c.expires_at > now)
        query = select(*(ITEM.c if hidden else SEEN)).where(*self._where(arm, State.OPEN), ITEM.c.due_at > now, ~leased)
        return query.order_by(*QUEUE_ORDER)

    def _where(self, arm: str | None, state: State | None) -> list[ColumnElement[bool]]:
        where = [ITEM.c.run == self._run]
        if arm is not None:
            where.append(ITEM.c.arm == arm)
        if state is not None:
            where.append(ITEM.c.state == state.value)
        return where

    def decide(self, held: Claim | ItemKey, decision: Decision, now: float) -> bool:
        """Settle an item: decision and outbox row in one transaction. False where the same decision was there already.

        With a claim, its lease must be live and the auditor's own; with a key, nobody else may hold the case. Raises
        InputError for that, for an unknown item, one settled or past due, or a second, different decision.
        """
        check_auditor(decision.auditor)
        claim = held if isinstance(held, Claim) else None
        key = held.item.key if isinstance(held, Claim) else held
        with write(self._engine) as connection:
            row = self._find(connection, key)
            if row is None:
                raise InputError(f"case {key.case_id!r} of arm {key.arm!r} is not in the audit queue of {self._run!r}")
            return submit(connection, row, decision, now, claim)

    def decide_case(self, case_id: str, decision: Decision, now: float, arm: str | None = None) -> bool:
        """Claim and decide in one go, by case id alone where only one arm has the case waiting (else InputError)."""
        check_auditor(decision.auditor)
        with write(self._engine) as connection:
            query = select(*SEEN).where(*self._where(arm, None), ITEM.c.case_id == case_id)
            rows = connection.execute(query.order_by(ITEM.c.epoch, ITEM.c.id)).all()
            rows = [row for row in rows if row.state == State.OPEN] or rows
            arms = sorted({row.arm for row in rows})
            if not rows:
                among = f"arm {arm!r} of " if arm is not None else ""
                raise InputError(f"case {case_id!r} is not in the audit queue of {among}{self._run!r}")
            if len(arms) > 1:
                raise InputError(f"case {case_id!r} is in several arms; say which one: {', '.join(arms)}")
            return submit(connection, rows[-1], decision, now, None)

    def decide_many(self, answers: Sequence[tuple[ItemKey, Decision]], now: float, budget: int | None = None) -> int:
        """Decide a batch in one transaction, for auditors that are programs; returns how many items were settled.

        Items that are not open any more, past due or held by somebody are left alone. With a budget, no auditor's
        decisions in an arm ever exceed it, those of earlier and concurrent calls included.
        """
        with write(self._engine) as connection:
            settled: dict[int, Decision] = {}
            spent: dict[tuple[str, str], int] = {}
            for key, decision in answers:
                check_auditor(decision.auditor)
                who = (decision.auditor, key.arm)
                if who not in spent:
                    spent[who] = self._spent(connection, *who)
                row = self._find(connection, key, self._waiting(now, key.arm))
                if row is not None and row.id not in settled and (budget is None or spent[who] < budget):
                    settled[row.id] = decision
                    spent[who] += 1
            settle(connection, list(settled.items()), now)
            return len(settled)

    def _find(self, connection: Connection, key: ItemKey, among: Select[Any] | None = None) -> Row[Any] | None:
        query = select(*SEEN).where(*self._where(None, None)) if among is None else among
        same = (
            ITEM.c.arm == key.arm,
            ITEM.c.case_id == key.case_id,
            ITEM.c.step == key.step,
            ITEM.c.epoch == key.epoch,
        )
        return connection.execute(query.where(*same)).first()

    def spent(self, auditor: str, arm: str) -> int:
        """How many decisions this auditor gave in the arm, ever."""
        with read(self._engine) as connection:
            return self._spent(connection, auditor, arm)

    def _spent(self, connection: Connection, auditor: str, arm: str) -> int:
        query = select(func.count()).select_from(DECISION).join(ITEM, DECISION.c.item_id == ITEM.c.id)
        return connection.execute(query.where(*self._where(arm, None), DECISION.c.auditor == auditor)).scalar_one()

    def expire(self, now: float) -> int:
        """Let the policy answer every open item whose due time has come, leased or not. Returns how many."""
        return self._close([*self._where(None, State.OPEN), ITEM.c.due_at <= now], now)

    def close(self, now: float, arm: str | None = None) -> int:
        """Let the policy answer every open item (of one arm), leased or not. Returns how many."""
        return self._close(self._where(arm, State.OPEN), now)

    def _close(self, where: Sequence[ColumnElement[bool]], now: float) -> int:
        refused = Decision(Verdict.REJECT, POLICY)
        with write(self._engine) as connection:
            ids = connection.execute(select(ITEM.c.id).where(*where).order_by(*QUEUE_ORDER)).scalars().all()
            settle(connection, [(item_id, refused) for item_id in ids], now)
            return len(ids)

    def outbox(self) -> list[OutboxRow]:
        """What the run's writer has not applied yet, in the order of settling."""
        with read(self._engine) as connection:
            return [outbox_of(row) for row in connection.execute(unapplied(self._run))]

    def mark_applied(self, ids: Sequence[int]) -> None:
        """Take outbox rows off the list, after what they say was committed to the journal. Repeating it is harmless."""
        with write(self._engine) as connection:
            for part in chunks(ids, _CHUNK):
                connection.execute(OUTBOX.update().where(OUTBOX.c.id.in_(part)).values(applied=True))

    def list_items(
        self, arm: str | None = None, state: State | None = None, *, hidden: bool = False, limit: int | None = None
    ) -> list[Item]:
        """Items in queue order, leased or not; with their hidden layer only if asked for."""
        query = (
            select(*(ITEM.c if hidden else SEEN)).where(*self._where(arm, state)).order_by(*QUEUE_ORDER).limit(limit)
        )
        with read(self._engine) as connection:
            return [item_of(row) for row in connection.execute(query)]

    def counts(self) -> dict[str, Counts]:
        """Audit load per arm, arms by name."""
        query = (
            select(
                ITEM.c.arm,
                func.count(),
                func.count(OUTBOX.c.id),
                func.count(DECISION.c.id).filter(DECISION.c.auditor == POLICY),
            )
            .join_from(ITEM, OUTBOX, OUTBOX.c.item_id == ITEM.c.id, isouter=True)
            .join(DECISION, OUTBOX.c.decision_id == DECISION.c.id, isouter=True)
            .where(ITEM.c.run == self._run)
            .group_by(ITEM.c.arm)
            .order_by(ITEM.c.arm)
        )
        with read(self._engine) as connection:
            rows = connection.execute(query).all()
        return {arm: Counts(every - settled, settled - policy, policy) for arm, every, settled, policy in rows}

    def close_database(self) -> None:
        """Release the file. Waiting cases go on waiting."""
        self._engine.dispose()

    def __enter__(self) -> AuditQueue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_database()
