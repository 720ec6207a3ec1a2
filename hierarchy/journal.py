"""The journal: the truth of a run. A row per (arm, case, step instance, input hash, epoch), never changed.

The run's writer commits batches; a step that finds its row here is not computed again. Records are a projection of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Index,
    Integer,
    MetaData,
    Row,
    Select,
    Table,
    Text,
    bindparam,
    func,
    select,
    tuple_,
)

from hierarchy.database import chunks, dump, insert, load, open_database, read, to_signed, to_unsigned, write

_CHUNK = 2_000
_PAGE = 5_000

metadata = MetaData()
_ENTRY = Table(
    "entry",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("arm", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("input_hash", BigInteger, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("row", Text, nullable=False),
    Index("entry_key", "arm", "case_id", "step", "input_hash", "epoch", unique=True),
    Index("entry_input", "case_id", "input_hash"),
)
_META = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))
_KEY = (_ENTRY.c.arm, _ENTRY.c.case_id, _ENTRY.c.step, _ENTRY.c.input_hash, _ENTRY.c.epoch)
# Whoever reads row after row keeps the last of a key: the decision of the newest epoch.
_OF_CASES = (
    select(_ENTRY.c.step, _ENTRY.c.case_id, _ENTRY.c.input_hash, _ENTRY.c.row)
    .where(_ENTRY.c.arm == bindparam("arm"), _ENTRY.c.case_id.in_(bindparam("cases", expanding=True)))
    .order_by(_ENTRY.c.epoch)
)
_OF_STEP = _OF_CASES.where(_ENTRY.c.step == bindparam("step"))


@dataclass(frozen=True, slots=True)
class Entry:
    """What one step instance said about one case of one arm, given an input.

    Attributes:
        step: name of the step instance (its round included).
        input_hash: uint64 hash of everything the step could read.
        epoch: 0, and one more for every appeal that was decided; the newest epoch's row is the current one.
        row: the step's output as `Output.rows` gives it: text keys; None, bool, int, float, text, and lists of these.
    """

    arm: str
    case_id: str
    step: str
    input_hash: int
    row: dict[str, Any]
    epoch: int = 0


class Journal:
    """A run's journal. Any number of readers; one writer, the run's own.

    Use it as a context manager, or call `close`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, path: str | Path, *, create: bool = True) -> Journal:
        """Open the SQLite file (or database URL), and make it unless `create` is False.

        Raises InputError where it cannot be opened or is not a database.
        """
        return cls(open_database(path, metadata, create=create))

    def record(self, entries: Sequence[Entry]) -> int:
        """Commit a batch; entries whose key is there already are ignored. Returns how many were new."""
        if not entries:
            return 0
        rows = [
            {
                "arm": e.arm,
                "case_id": e.case_id,
                "step": e.step,
                "input_hash": to_signed(e.input_hash),
                "epoch": e.epoch,
                "row": dump(e.row),
            }
            for e in entries
        ]
        with write(self._engine) as connection:
            return connection.execute(insert(connection, _ENTRY).on_conflict_do_nothing(), rows).rowcount

    def lookup(
        self, arm: str, step: str, case_ids: Sequence[str], hashes: Sequence[int]
    ) -> list[dict[str, Any] | None]:
        """The row of one step instance per (case, uint64 input hash), as asked; None where there is none."""
        found: dict[tuple[str, int], str] = {}
        for row in self._of_cases(_OF_STEP, case_ids, arm=arm, step=step):
            found[row.case_id, to_unsigned(row.input_hash)] = row.row
        texts = [found.get((case, int(hash_))) for case, hash_ in zip(case_ids, hashes, strict=True)]
        return [None if text is None else load(text) for text in texts]

    def same_question(self, case_ids: Sequence[str], hashes: Sequence[int]) -> list[dict[str, Any] | None]:
        """A row that any step of any arm gave to the same input of the same case, None where there is none.

        The input hash covers the agent and all it may read, so an equal hash is an equal question with an equal answer.
        """
        found: dict[tuple[str, int], str] = {}
        for part in chunks(list(zip(case_ids, map(to_signed, hashes), strict=True)), _CHUNK // 2):
            with read(self._engine) as connection:
                key = tuple_(_ENTRY.c.case_id, _ENTRY.c.input_hash)
                for row in connection.execute(
                    select(_ENTRY.c.case_id, _ENTRY.c.input_hash, _ENTRY.c.row)
                    .where(key.in_(part))
                    .order_by(_ENTRY.c.epoch)
                ):
                    found[row.case_id, to_unsigned(row.input_hash)] = row.row
        texts = [found.get((case, int(hash_))) for case, hash_ in zip(case_ids, hashes, strict=True)]
        return [None if text is None else load(text) for text in texts]

    def known(self, arm: str, case_ids: Sequence[str]) -> dict[tuple[str, str, int], dict[str, Any]]:
        """Every row of these cases in the arm, by (step instance, case id, input hash): what a worker gets along."""
        rows = self._of_cases(_OF_CASES, case_ids, arm=arm)
        return {(row.step, row.case_id, to_unsigned(row.input_hash)): load(row.row) for row in rows}

    def _of_cases(self, query: Select[Any], case_ids: Sequence[str], **given: str) -> Iterator[Row[Any]]:
        for part in chunks(case_ids, _CHUNK):
            with read(self._engine) as connection:
                rows = connection.execute(query, {**given, "cases": [str(case) for case in part]}).all()
            yield from rows

    def entries(self, arm: str | None = None) -> Iterator[Entry]:
        """Every entry, ordered by (arm, case id, step instance, input hash as int64, epoch).

        It reads page by page, so that a slow reader never holds up the writer.
        """
        query = select(*_KEY, _ENTRY.c.row).order_by(*_KEY).limit(_PAGE)
        page = query if arm is None else query.where(_ENTRY.c.arm == arm)
        while True:
            with read(self._engine) as connection:
                rows = connection.execute(page).all()
            for row in rows:
                yield Entry(row.arm, row.case_id, row.step, to_unsigned(row.input_hash), load(row.row), row.epoch)
            if len(rows) < _PAGE:
                return
            after = tuple_(*_KEY) > tuple_(*rows[-1][: len(_KEY)])
            page = query.where(after) if arm is None else query.where(_ENTRY.c.arm == arm, after)

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

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
