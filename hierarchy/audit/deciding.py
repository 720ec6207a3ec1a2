"""What people and programs decide, take back and appeal against."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Row, select

from hierarchy.audit import find
from hierarchy.audit.claims import Wanted, lease_next
from hierarchy.audit.decision import Decision
from hierarchy.audit.errors import Conflict, LateAnswer, Refused
from hierarchy.audit.records import Claim, ItemKey, Kind
from hierarchy.audit.rows import decision_of
from hierarchy.audit.schema import LEASE
from hierarchy.audit.settle import check_auditor, record, settle_all, submit
from hierarchy.audit.store import Store
from hierarchy.audit.trail import Change, change
from hierarchy.audit.undo import reopen, undo
from hierarchy.database import DatabaseTrouble, read


class _Abandoned(Exception):
    """Ends a transaction whose changes are not wanted after all."""


class Deciding(Store):
    """Decisions: each once, all or none where there are many."""

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
        self, answers: Sequence[tuple[Mapping[str, Any], Decision]], now: float, *, keep: bool = True
    ) -> tuple[int, list[tuple[int, Refused]]]:
        """Give many people's decisions in one transaction, all or none.

        Each comes with the `case_id` of what it answers, and where needed `arm`, `step`, `epoch` and `key`. Returns how
        many were new, and what was refused, by position: where anything was, nothing has changed. Without `keep`
        nothing changes in any case.
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
            if refused or not keep:
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
