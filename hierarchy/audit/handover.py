"""How what was decided, or what the policy answers, gets back to the run."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select

from agents.vocabulary import Verdict
from hierarchy.audit import reading
from hierarchy.audit.decision import Decision
from hierarchy.audit.records import POLICY, Appeal, Kind, OutboxRow, State
from hierarchy.audit.rows import QUEUE_ORDER, SEEN
from hierarchy.audit.schema import ITEM, OUTBOX
from hierarchy.audit.settle import settle_all
from hierarchy.audit.store import Store
from hierarchy.audit.trail import change
from hierarchy.database import chunks, write

_CHUNK = 1_000


class Handover(Store):
    """The policy's answers, the outbox, and what was appealed against."""

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

    def appeals(self, arm: str) -> dict[str, Appeal]:
        """The cases of the arm that were ever reopened, by id."""
        return reading.appeals(self._engine, self._run, arm)
