"""The audit queue of a run: cases wait, are claimed under a lease, decided once, and handed back through an outbox.

Every method is one transaction, and leaves its events in the trail. The clock is the caller's (`now`, seconds): the
queue never looks at one. Nothing is closed because a run ended. See docs/audit.md for the whole contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hierarchy.audit import find, reading
from hierarchy.audit.deciding import Deciding
from hierarchy.audit.enqueue import add
from hierarchy.audit.handover import Handover
from hierarchy.audit.leases import Leases
from hierarchy.audit.records import Counts, Item, ItemKey, Kind, State
from hierarchy.audit.rows import item_row, key_of
from hierarchy.audit.schema import metadata
from hierarchy.audit.trail import change, open_run
from hierarchy.database import open_database, read, write


class AuditQueue(Leases, Deciding, Handover):
    """The cases of one run that wait for a person. Any number of processes may use one database.

    `trail`, `gold`, `drafts`, `desk` and `access` are its other doors.
    """

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

    def enqueue(self, items: Sequence[Item]) -> int:
        """Add items; returns how many are new.

        One that is there already (same arm, case, step and epoch) stays as it is.
        """
        if not items:
            return 0
        rows = [item_row(self._run, self._seed, item) for item in items]
        with change(self._engine, self._run) as made:
            return len(add(made, rows))

    def key_of(self, case_id: str, arm: str | None = None) -> ItemKey:
        """The item a case id means: one that waits, else the newest epoch. Raises Unknown, Conflict."""
        with read(self._engine) as connection:
            return key_of(find.latest(connection, self._run, case_id, arm))

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
