"""How the journal and the audit queue open and write their database: SQLAlchemy Core, SQLite by default.

A write is one transaction that takes the write lock at its start (`BEGIN IMMEDIATE`), so what it reads cannot change
before it commits. Reads are short: with a rollback journal a long one would hold up the writer.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    MetaData,
    Table,
    Text,
    any_,
    create_engine,
    event,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, InternalError, NoSuchModuleError, OperationalError

from constitutions.errors import InputError


class DatabaseTrouble(InputError):
    """The database could not be reached, read or written. Whether a commit that it cut short took place is unknown:
    look before you repeat, or repeat under the same key."""


class InDatabase:
    """What lives in a database. Use it as a context manager, or call `close_database`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close_database(self) -> None:
        """Release the file, or the connections. What is stored stays."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_database()


Insert = postgresql.Insert | sqlite.Insert
_Part = TypeVar("_Part")
_BUSY_SECONDS = 30.0
_MAKING_TABLES = 0x0_5167
_WAL_IS_SAFE_FROM = (3, 51, 3)
_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)


def pragmas(version: tuple[int, int, int]) -> tuple[str, ...]:
    """What every SQLite connection sets, for a library of this version.

    Before 3.51.3 several writers in WAL mode can corrupt the file (sqlite.org/wal.html), so those use the rollback
    journal; `EXTRA` also syncs the folder, without which a power cut could bring a committed journal file back.
    """
    if version < _WAL_IS_SAFE_FROM:
        return ("journal_mode=DELETE", "synchronous=EXTRA", "foreign_keys=ON")
    return ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")


def open_database(target: str | Path, metadata: MetaData, *, create: bool = True) -> Engine:
    """An engine on a SQLite file or a database URL, with the tables of `metadata` in place.

    Without `create` the file must exist and nothing is written. Raises InputError where the target cannot be opened,
    is not a database, or cannot be written.
    """
    url = _url(target)
    on_sqlite = url.get_backend_name() == "sqlite"
    if on_sqlite:
        _check_file(url, create)
    # A pooled connection that broke while nobody used it is replaced before anything is asked of it.
    given: dict[str, Any] = {"connect_args": {"timeout": _BUSY_SECONDS}} if on_sqlite else {"pool_pre_ping": True}
    try:
        engine = create_engine(url, **given)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise InputError(
            f"database {target}: {error}; accepted: a SQLite file or an installed SQLAlchemy URL"
        ) from None
    if on_sqlite:
        # SQLite lets writers poll for its lock, with longer and longer naps; threads of one process take turns instead.
        engine.update_execution_options(turn=threading.Lock())
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
    try:
        _prepare(engine, metadata, create)
    except InputError:
        engine.dispose()
        raise
    return engine


def _prepare(engine: Engine, metadata: MetaData, create: bool) -> None:
    if create:
        with write(engine) as connection:
            if engine.dialect.name == "postgresql":
                # Two that make the same table at once would get in each other's way.
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MAKING_TABLES})")
            metadata.create_all(connection)
    else:
        with read(engine) as connection:
            connection.execute(next(iter(metadata.tables.values())).select().limit(1))


def _url(target: str | Path) -> URL:
    if "://" not in str(target):
        return URL.create("sqlite", database=str(target))
    try:
        return make_url(str(target))
    except ArgumentError as error:
        raise InputError(f"database {target}: {error}; accepted: a SQLite file or a SQLAlchemy URL") from None


def _check_file(url: URL, create: bool) -> None:
    if url.database is None or url.database in ("", ":memory:"):
        raise InputError("database: a file is needed; a database in memory would forget what happened")
    path = Path(url.database)
    if not path.parent.is_dir():
        raise InputError(f"database {path}: the folder {path.parent} does not exist")
    if path.is_dir():
        raise InputError(f"database {path}: this is a folder; expected a SQLite file")
    if not create and not path.exists():
        raise InputError(f"database {path}: no such file")


def _configure(dbapi_connection: sqlite3.Connection, _record: object) -> None:
    # SQLAlchemy's recipe: the driver must not open transactions on its own, `_begin` does.
    dbapi_connection.isolation_level = None
    for pragma in pragmas(sqlite3.sqlite_version_info):
        dbapi_connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """One write transaction: committed when the block ends, rolled back when it raises."""
    turn = engine.get_execution_options().get("turn") or nullcontext()
    with turn, _told(engine), engine.connect().execution_options(immediate=True) as connection, connection.begin():
        yield connection


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """One read transaction: everything in the block sees the same state. Fetch and leave."""
    with _told(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def _told(engine: Engine) -> Iterator[None]:
    """What the machine or the file does not allow, as one line; a mistake of ours (integrity, SQL) stays a bug."""
    try:
        yield
    except DatabaseError as error:
        # What PostgreSQL calls internal is a transaction that may not write, or is broken: the machine's doing as well.
        if not isinstance(error, OperationalError | InternalError) and type(error) is not DatabaseError:
            raise
        where = engine.url.database if engine.dialect.name == "sqlite" else engine.url.render_as_string()
        raise DatabaseTrouble(f"database {where}: {error.orig}; expected a database this program may write") from error


def insert(connection: Connection, table: Table) -> Insert:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`, in the connection's dialect."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def insert_new(connection: Connection, table: Table, rows: Iterable[tuple[Any, ...]]) -> int:
    """Insert many rows, as tuples in the order of the table's columns, but those whose key is there already.

    Returns how many were new. The driver is given the tuples as they are: building a statement's parameters from
    dictionaries costs more than the insert.
    """
    columns = ", ".join(column.name for column in table.columns)
    places = ", ".join(["?" if connection.dialect.paramstyle == "qmark" else "%s"] * len(table.columns))
    text = f"INSERT INTO {table.name} ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING"
    return connection.exec_driver_sql(text, list(rows)).rowcount


def among(connection: Connection, column: Column[str], values: Sequence[str]) -> ColumnElement[bool]:
    """Whether the column is one of the values, however many: they are sent as one parameter."""
    if connection.dialect.name == "sqlite":
        sent = func.json_each(dump([str(value) for value in values])).table_valued("value")
        return column.in_(select(sent.c.value))
    return column == any_(literal([str(value) for value in values], postgresql.ARRAY(Text)))


def chunks(parts: Sequence[_Part], size: int) -> Iterator[Sequence[_Part]]:
    """Consecutive pieces of at most `size`, because a statement takes a limited number of parameters."""
    for start in range(0, len(parts), size):
        yield parts[start : start + size]


def to_signed(number: int) -> int:
    """A uint64 as the int64 with the same bits: databases have no unsigned integers."""
    return number - 2**64 if number >= 2**63 else number


def to_unsigned(number: int) -> int:
    """The inverse of `to_signed`."""
    return number % 2**64


def dump(value: Any) -> str:
    """Compact JSON. None, bool, int of any size, float (NaN and infinities too) and text come back exactly.

    It is ASCII: lone surrogates, which hostile text may contain and UTF-8 cannot, survive as escapes.
    """
    return _ENCODER.encode(value)


def load(text: str) -> Any:
    """The inverse of `dump` (tuples come back as lists)."""
    return json.loads(text)
