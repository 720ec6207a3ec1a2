"""Who holds which case, and until when."""

from __future__ import annotations

import secrets
from typing import Any

from hierarchy.audit import reading
from hierarchy.audit.claims import Asked, Wanted, claim_of, held_by, lease_next, waiting
from hierarchy.audit.errors import LateAnswer
from hierarchy.audit.records import Claim, Item, Kind, State
from hierarchy.audit.schema import LEASE
from hierarchy.audit.store import Store
from hierarchy.audit.trail import Change, change
from hierarchy.database import DatabaseTrouble, read


class Leases(Store):
    """Claiming cases, keeping them and giving them back."""

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
