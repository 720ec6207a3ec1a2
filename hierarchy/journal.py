"""The journal: the truth of a run. A row per (arm, case, step instance, input hash, epoch), never
changed.

The run's writer commits batches; a step that finds its row here is not computed again. Records are a projection of it.
The keys are rows of a table, so that the database itself keeps each once; what was said lies beside them in columns,
a batch in one cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)

from hierarchy.batch import Batch, Stored
from hierarchy.database import InDatabase, among, insert, insert_new, open_database, read, write

metadata = MetaData()
_STEP = Table(
    "step",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("arm", Text, nullable=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("arm", "name"),
)
_BATCH = Table(
    "batch",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("step", ForeignKey(_STEP.c.id), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
# One tree serves both questions: is this key known (all columns), and what is known of these cases (the first).
_ENTRY = Table(
    "entry",
    metadata,
    Column("case_id", Text, nullable=False),
    Column("input_hash", BigInteger, nullable=False),
    Column("step", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("batch", Integer, nullable=False),
    PrimaryKeyConstraint("case_id", "input_hash", "step", "epoch"),
    sqlite_with_rowid=False,
)
_META = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))
_STORED = (
    select(_BATCH.c.id, _STEP.c.arm, _STEP.c.name, _BATCH.c.head, _BATCH.c.body, _BATCH.c.epoch)
    .select_from(_BATCH.join(_STEP))
    .order_by(_BATCH.c.id)
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the journal: what one step instance said about one case of one arm, given an input.

    Attributes:
        step: name of the step instance (its round included).
        input_hash: uint64 hash of everything the step could read.
        row: the step's output as `Output.rows` gives it.
        epoch: 0, and one more for every appeal that was decided; the newest epoch's row is the current one.
    """

    arm: str
    case_id: str
    step: str
    input_hash: int
    row: dict[str, Any]
    epoch: int = 0


class Journal(InDatabase):
    """A run's journal. Any number of readers; one writer, the run's own."""

    @classmethod
    def open(cls, path: str | Path, *, create: bool = True) -> Journal:
        """Open the SQLite file (or database URL), and make it unless `create` is False.

        Raises InputError where it cannot be opened or is not a database.
        """
        return cls(open_database(path, metadata, create=create))

    def record(self, batches: Sequence[Batch]) -> int:
        """Commit batches together; rows whose key is there already are ignored. Returns how many were new."""
        if not any(map(len, batches)):
            return 0
        with write(self._engine) as connection:
            return sum(self._insert(connection, batch) for batch in batches if len(batch))

    def _insert(self, connection: Connection, batch: Batch) -> int:
        step = _step_id(connection, batch.arm, batch.step)
        number = connection.execute(select(func.coalesce(func.max(_BATCH.c.id), 0) + 1)).scalar_one()
        cases, hashes = batch.case_id_N.tolist(), batch.hash_N.view(np.int64).tolist()
        count = len(batch)
        told = ([one] * count for one in (step, batch.epoch, number))
        new = insert_new(connection, _ENTRY, zip(cases, hashes, *told, strict=True))
        if new < count:
            mine = among(connection, _ENTRY.c.case_id, cases), _ENTRY.c.batch == number
            kept = connection.execute(select(_ENTRY.c.case_id, _ENTRY.c.input_hash).where(*mine)).all()
            first: dict[tuple[str, int], int] = {}
            for n, key in enumerate(zip(cases, hashes, strict=True)):
                first.setdefault(key, n)
            batch = batch.take(np.array(sorted(first[case, hash_] for case, hash_ in kept), np.int64))
        if new:
            stored = Stored.of(batch)
            row = {"id": number, "step": step, "epoch": batch.epoch, "head": stored.head, "body": stored.body}
            connection.execute(insert(connection, _BATCH), row)
        return new

    def known(self, case_ids: Sequence[str]) -> list[Stored]:
        """Every batch, of any arm and step, that holds a row of one of these cases; the oldest first."""
        with read(self._engine) as connection:
            mine = select(_ENTRY.c.batch).where(among(connection, _ENTRY.c.case_id, case_ids)).distinct()
            rows = connection.execute(_STORED.where(_BATCH.c.id.in_(mine))).all()
        return [Stored(*row[1:]) for row in rows]

    def entries(self, arm: str | None = None) -> Iterator[Entry]:
        """Every row as plain values, in the order it was written. It reads a batch at a time."""
        query = _STORED.limit(1) if arm is None else _STORED.limit(1).where(_STEP.c.arm == arm)
        last = 0
        while True:
            with read(self._engine) as connection:
                found = connection.execute(query.where(_BATCH.c.id > last)).one_or_none()
            if found is None:
                return
            last, stored = found[0], Stored(*found[1:])
            keys = zip(stored.case_id_N.tolist(), stored.hash_N.tolist(), stored.output.rows(), strict=True)
            for case, hash_, row in keys:
                yield Entry(stored.arm, case, stored.step, hash_, row, stored.epoch)

    def count(self) -> int:
        """How many entries there are."""
        with read(self._engine) as connection:
            return connection.execute(select(func.count()).select_from(_ENTRY)).scalar_one()

    def meta(self, key: str) -> str | None:
        """A piece of run state (the config's hash, say); None where it was never set."""
        with read(self._engine) as connection:
            return connection.execute(select(_META.c.value).where(_META.c.key == key)).scalar_one_or_none()

    def set_meta(self, key: str, value: str) -> None:
        """Set a piece of run state, durably."""
        with write(self._engine) as connection:
            statement = insert(connection, _META).values(key=key, value=value)
            connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))


def _step_id(connection: Connection, arm: str, step: str) -> int:
    query = select(_STEP.c.id).where(_STEP.c.arm == arm, _STEP.c.name == step)
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        connection.execute(insert(connection, _STEP), {"arm": arm, "name": step})
        found = connection.execute(query).scalar_one()
    return int(found)
