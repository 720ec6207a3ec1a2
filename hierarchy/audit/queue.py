"""The audit queue of a run: cases wait, are claimed under a lease, decided once, and handed back through an outbox.

Every method is one transaction, and leaves its events in the trail. The clock is the caller's (`now`, seconds): the
queue never looks at one. Nothing is closed because a run ended. See docs/audit.md for the whole contract.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, select

from agents.vocabulary import Verdict
from hierarchy.audit import find, reading
from hierarchy.audit.access import Access
from hierarchy.audit.claims import Asked, Wanted, claim_of, held_by, lease, lease_next, waiting
from hierarchy.audit.decision import Decision
from hierarchy.audit.desk import Desk
from hierarchy.audit.drafts import Drafts
from hierarchy.audit.enqueue import add
from hierarchy.audit.errors import Conflict, LateAnswer, Refused
from hierarchy.audit.gold import GoldCases
from hierarchy.audit.records import POLICY, Appeal, Claim, Counts, Item, ItemKey, Kind, OutboxRow, State
from hierarchy.audit.rows import QUEUE_ORDER, SEEN, decision_of, item_row, key_of
from hierarchy.audit.schema import ITEM, LEASE, OUTBOX, metadata
from hierarchy.audit.settle import check_auditor, record, settle_all, submit
from hierarchy.audit.trail import Change, Trail, change, open_run
from hierarchy.audit.undo import reopen, undo
from hierarchy.database import DatabaseTrouble, chunks, open_database, read, write

_CHUNK = 1_000


class _Abandoned(Exception):
    """Ends a transaction whose changes are not wanted after all."""


class AuditQueue:
    """The cases of one run that wait for a person. Any number of processes may use one database.

    Use it as a context manager, or call `close_database`. `trail`, `gold`, `drafts`, `desk` and
    `access` are its other doors.
    """

    def __init__(self, engine: Engine, run: str, seed: int) -> None:
        self._engine, self._run, self._seed = engine, run, seed
        self.trail = Trail(engine, run)
        self.gold = GoldCases(engine, run, seed)
        self.drafts = Drafts(engine, run)
        self.desk = Desk(engine, run)
        self.access = Access(engine, run)

    @classmethod
    def open(cls, target: str | Path, run: str, *, seed: int = 0, create: bool = True) -> AuditQueue:
        """Open the queue of `run` in a SQLite file or database URL, and make the tables unless `create` is False.

        `seed` keys the order among items of equal priority and due time. Raises InputError where it cannot be opened.
        """
        engine = open_database(target, metadata, create=create)
        if create:
            with write(engine) as connection:
                open_run(connection, run)
        return cls(engine, run, seed)

    @property
    def run(self) -> str:
        """The name of the run whose cases these are."""
        return self._run

    @property
    def engine(self) -> Engine:
        """The database, for those who read more of it."""
        return self._engine

    def enqueue(self, items: Sequence[Item]) -> int:
        """Add items; returns how many are new.

        One that is there already (same arm, case, step and epoch) stays as it is.
        """
        if not items:
            return 0
        rows = [item_row(self._run, self._seed, item) for item in items]
        with change(self._engine, self._run) as made:
            return len(add(made, rows))

    def claim(
        self,
        auditor: str,
        now: float,
        lease_seconds: float,
        arm: str | None = None,
        *,
        hidden: bool = False,
        adjudicate: bool = False,
        kind: Kind = Kind.CASE,
    ) -> Claim | None:
        """Lease the first waiting case to an auditor; None where nothing waits for them.

        First by priority, then due time, then age, then a keyed hash of the case id. Decisions and live leases together
        are never more than the reviewers a case needs, and nobody gets a case twice. `adjudicate`: the first case whose
        reviewers disagree, the auditor being none of them. What the auditor skipped (`desk.skip`) is passed by.
        """
        wanted = Wanted(auditor, now, lease_seconds, arm, hidden, adjudicate, kind)
        token = secrets.token_hex(16)
        try:
            with change(self._engine, self._run) as made:
                return lease_next(made, wanted, self._seed, token)
        except DatabaseTrouble:
            # The commit may have taken place: a lease nobody knows of would keep the case from everybody.
            found = [claim for claim in self.held(auditor, now, hidden=hidden) if claim.token == token]
            if not found:
                raise
            return found[0]

    def claim_item(
        self,
        item: ItemKey,
        auditor: str,
        now: float,
        lease_seconds: float,
        *,
        hidden: bool = False,
        kind: Kind = Kind.CASE,
    ) -> Claim | None:
        """Lease one item to an auditor, such as one whose decision they undid; None where they could not claim it."""
        check_auditor(auditor)
        with change(self._engine, self._run) as made:
            row = find.free_for(made.connection, self._run, item, auditor, now, kind, hidden)
            return None if row is None else lease(made, row, auditor, now, lease_seconds)

    def held(self, auditor: str, now: float, *, hidden: bool = False) -> list[Claim]:
        """The claims an auditor holds now, the one that lasts longest first."""
        with read(self._engine) as connection:
            rows = connection.execute(held_by(self._run, auditor, now, hidden)).all()
            return [claim_of(connection, row, auditor) for row in rows]

    def renew(self, claim: Claim, now: float, lease_seconds: float) -> float:
        """Make a live lease last till `lease_seconds` from now; returns when it ends. Raises LateAnswer."""
        with change(self._engine, self._run) as made:
            live = (LEASE.c.token == claim.token, LEASE.c.auditor == claim.auditor, LEASE.c.ended.is_(False))
            extended = LEASE.update().where(*live, LEASE.c.expires_at > now).values(expires_at=now + lease_seconds)
            self._ended_if_none(made, claim, extended)
            made.note("renew", now, None, auditor=claim.auditor, case=claim.item.case_id, fence=claim.fence)
            return now + lease_seconds

    def release(self, claim: Claim, now: float) -> None:
        """Give a case back undecided, so that another may claim it at once. Raises LateAnswer where it is over."""
        with change(self._engine, self._run) as made:
            live = (LEASE.c.token == claim.token, LEASE.c.auditor == claim.auditor, LEASE.c.ended.is_(False))
            self._ended_if_none(made, claim, LEASE.update().where(*live).values(ended=True))
            made.note("release", now, None, auditor=claim.auditor, case=claim.item.case_id, fence=claim.fence)

    @staticmethod
    def _ended_if_none(made: Change, claim: Claim, update: Any) -> None:
        if not made.connection.execute(update).rowcount:
            raise LateAnswer(f"case {claim.item.case_id!r}: the claim of {claim.auditor!r} is over; claim it again")

    def waiting(
        self, now: float, arm: str | None = None, limit: int | None = None, *, disputed: bool = False
    ) -> list[Item]:
        """Cases that could be claimed now (to adjudicate, where `disputed`), in the order in which they would be."""
        state = State.DISPUTED if disputed else State.OPEN
        asked = Asked(self._run, now, state.value, arm)
        query = waiting(by_arm=arm is not None, limited=limit is not None)
        return reading.read_items(self._engine, query, asked.values(**({} if limit is None else {"most": limit})))

    def decide(
        self,
        held: Claim | ItemKey,
        decision: Decision,
        now: float,
        key: str | None = None,
        then: Wanted | None = None,
    ) -> bool:
        """Give a decision: its row, its event and, where it settles the case, the outbox row, in one transaction.

        False where the same decision was there already. With a claim, its lease must be live and the auditor's own;
        with an ItemKey, a seat must be free. `key` is the caller's idempotency key (default: the claim's token).
        After a database error the key is looked up before anything else, so a commit whose answer got lost counts.
        `then`: what is wanted next is leased in the same transaction, if some is free at this moment (see `held`).

        Raises (all InputErrors, see `hierarchy.audit.errors`) Unknown, NotTheirs, Conflict, Unreadable, and LateAnswer
        where the lease or the case is over: what was decided is then kept as the auditor's draft.
        """
        check_auditor(decision.auditor)
        claim = held if isinstance(held, Claim) else None
        item = held.item.key if isinstance(held, Claim) else held
        key = key or (claim.token if claim else None)
        try:
            with change(self._engine, self._run) as made:
                row = find.item_at(made.connection, self._run, item)
                known_by = find.key_for(made.connection, self._run, row, decision, key)
                new = submit(made, row, decision, now, claim, known_by)
                if new and then is not None:
                    lease_next(made, then, self._seed, secrets.token_hex(16), wait=False)
                return new
        except LateAnswer:
            self.drafts.save(item, decision.auditor, decision.to_dict(), now)
            raise
        except Conflict:
            if claim is not None and self._lost(claim, decision):
                self.drafts.save(item, decision.auditor, decision.to_dict(), now)
            raise
        except DatabaseTrouble:
            if not self._has_given(item, decision):
                raise
            return True

    def _lost(self, claim: Claim, decision: Decision) -> bool:
        """Whether the claim was theirs and no decision of theirs stands: what they wrote would be lost."""
        with read(self._engine) as connection:
            mine = select(LEASE.c.token).where(LEASE.c.token == claim.token, LEASE.c.auditor == decision.auditor)
            stands = find.given(connection, self._run, claim.item.key, decision.auditor) is not None
            return not stands and connection.execute(mine).first() is not None

    def _has_given(self, item: ItemKey, decision: Decision) -> bool:
        with read(self._engine) as connection:
            row = find.given(connection, self._run, item, decision.auditor)
            return row is not None and decision_of(row).says_the_same(decision)

    def decide_case(
        self,
        case_id: str,
        decision: Decision,
        now: float,
        arm: str | None = None,
        *,
        kind: Kind = Kind.CASE,
        step: str | None = None,
        key: str | None = None,
    ) -> bool:
        """Claim and decide in one go, by case id alone where only one arm has the case waiting (else InputError)."""
        check_auditor(decision.auditor)
        with change(self._engine, self._run) as made:
            row = find.latest(made.connection, self._run, case_id, arm, kind, step)
            known_by = find.key_for(made.connection, self._run, row, decision, key)
            return submit(made, row, decision, now, None, known_by)

    def decide_all(
        self, answers: Sequence[tuple[Mapping[str, Any], Decision]], now: float
    ) -> tuple[int, list[tuple[int, Refused]]]:
        """Give many people's decisions in one transaction, all or none.

        Each comes with the `case_id` of what it answers, and where needed `arm`, `step`, `epoch` and `key`. Returns how
        many were new, and what was refused, by position: where anything was, nothing has changed.
        """
        refused: list[tuple[int, Refused]] = []
        taken = 0
        with suppress(_Abandoned), change(self._engine, self._run) as made:
            for i, (where, decision) in enumerate(answers):
                try:
                    check_auditor(decision.auditor)
                    row = find.named_item(made.connection, self._run, where)
                    known_by = find.key_for(made.connection, self._run, row, decision, where.get("key"))
                    taken += submit(made, row, decision, now, None, known_by)
                except Refused as error:
                    refused.append((i, error))
            if refused:
                raise _Abandoned
        return (0 if refused else taken), refused

    def decide_many(
        self,
        answers: Sequence[tuple[ItemKey, Decision]],
        now: float,
        budget: int | None = None,
        crew: Sequence[str] = (),
    ) -> int:
        """Decide a batch in one transaction, for auditors that are programs; returns how many decisions were taken.

        Items that are not open any more, past due or held by somebody are left alone. With a budget, the decisions of
        an auditor (of the whole `crew`, where it is named) in an arm never exceed it, those of earlier and concurrent
        calls included.
        """
        with change(self._engine, self._run) as made:
            simple = find.at_once(made.connection, self._run, [key for key, _ in answers], now)
            settled: dict[int, tuple[Row[Any], Decision]] = {}
            spent: dict[tuple[str, str], int] = {}
            taken = 0
            for key, decision in answers:
                check_auditor(decision.auditor)
                who = (crew[0] if crew else decision.auditor, key.arm)
                if who not in spent:
                    spent[who] = find.spent(made.connection, self._run, crew or [decision.auditor], key.arm)
                if budget is not None and spent[who] >= budget:
                    continue
                if key in simple:
                    took = simple[key].id not in settled
                    settled.setdefault(simple[key].id, (simple[key], decision))
                else:
                    took = self._one_of_several(made, key, decision, now)
                spent[who] += took
                taken += took
            settle_all(made, list(settled.values()), now)
            return taken

    def _one_of_several(self, made: Change, key: ItemKey, decision: Decision, now: float) -> bool:
        row = find.open_to(made.connection, self._run, key, decision.auditor, now)
        if row is None:
            return False
        record(made, row, decision, now, find.key_for(made.connection, self._run, row, decision, None))
        return True

    def spent(self, auditor: str | Sequence[str], arm: str) -> int:
        """How many decisions this auditor (or these) gave in the arm, ever."""
        with read(self._engine) as connection:
            return find.spent(connection, self._run, [auditor] if isinstance(auditor, str) else auditor, arm)

    def key_of(self, case_id: str, arm: str | None = None) -> ItemKey:
        """The item a case id means: one that waits, else the newest epoch. Raises Unknown, Conflict."""
        with read(self._engine) as connection:
            return key_of(find.latest(connection, self._run, case_id, arm))

    def undo(self, item: ItemKey, auditor: str, now: float) -> None:
        """Take an auditor's decision back; the case waits again. A new event: the trail keeps what was undone.

        Raises Unknown, Conflict (the run has the decision already, or others' answers are open) or LateAnswer.
        """
        with change(self._engine, self._run) as made:
            undo(made, find.item_at(made.connection, self._run, item), auditor, now)

    def reopen(self, case_id: str, reason: str, by: str, now: float, arm: str | None = None) -> ItemKey:
        """Appeal against the decision of a settled case: a new epoch of it waits. Returns the new item's key.

        The old decision stands until the new epoch is settled. Raises Unknown, Conflict (it waits already), Unreadable.
        """
        with change(self._engine, self._run) as made:
            return reopen(made, find.latest(made.connection, self._run, case_id, arm), reason, by, now)

    def appeals(self, arm: str) -> dict[str, Appeal]:
        """The cases of the arm that were ever reopened, by id."""
        return reading.appeals(self._engine, self._run, arm)

    def expire(self, now: float) -> int:
        """Let the policy answer every open item whose due time has come, leased or not. Returns how many."""
        return self._close([ITEM.c.due_at <= now], now)

    def close(self, now: float, arm: str | None = None) -> int:
        """Let the policy answer every open case (of one arm), leased or not. Returns how many."""
        return self._close([ITEM.c.kind == Kind.CASE.value] + ([ITEM.c.arm == arm] if arm is not None else []), now)

    def _close(self, where: Sequence[ColumnElement[bool]], now: float) -> int:
        refused = Decision(Verdict.REJECT, POLICY)
        waits = ITEM.c.state.in_([State.OPEN.value, State.DISPUTED.value])
        query = select(*SEEN).where(ITEM.c.run == self._run, waits, *where).order_by(*QUEUE_ORDER)
        with change(self._engine, self._run) as made:
            rows = made.connection.execute(query.with_for_update()).all()
            settle_all(made, [(row, refused) for row in rows], now)
            return len(rows)

    def outbox(self) -> list[OutboxRow]:
        """What the run's writer has not applied yet, in the order of settling. From now on it cannot be undone."""
        with write(self._engine) as connection:
            # First taken, then read: what somebody undoes meanwhile is not among what is read.
            ours = select(ITEM.c.id).where(ITEM.c.run == self._run)
            new = (OUTBOX.c.taken.is_(False), OUTBOX.c.item_id.in_(ours))
            connection.execute(OUTBOX.update().where(*new).values(taken=True))
            return reading.outbox_rows(connection.execute(reading.unapplied(self._run)).all())

    def mark_applied(self, ids: Sequence[int]) -> None:
        """Take outbox rows off the list, after what they say was committed to the journal. Repeating it is harmless."""
        with write(self._engine) as connection:
            for part in chunks(ids, _CHUNK):
                connection.execute(OUTBOX.update().where(OUTBOX.c.id.in_(part)).values(applied=True))

    def list_items(
        self,
        arm: str | None = None,
        state: State | None = None,
        *,
        hidden: bool = False,
        limit: int | None = None,
        kind: Kind = Kind.CASE,
    ) -> list[Item]:
        """Items in queue order, leased or not; with their hidden layer only if asked for, and where it may be seen."""
        return reading.read_items(self._engine, reading.listed(self._run, arm, state, hidden, limit, kind))

    def counts(self) -> dict[str, Counts]:
        """Audit load per arm, arms by name."""
        return reading.counts(self._engine, self._run)

    def decisions(self, item: ItemKey, viewer: str | None = None) -> list[reading.Given]:
        """The standing decisions on an item that `viewer` may see; see `reading.visible_decisions`."""
        return reading.visible_decisions(self._engine, self._run, item, viewer)

    def close_database(self) -> None:
        """Release the file. Waiting cases go on waiting."""
        self._engine.dispose()

    def __enter__(self) -> AuditQueue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_database()
