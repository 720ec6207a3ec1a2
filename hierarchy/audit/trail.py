"""The trail: every change of the queue as an event, each hashed with the one before. What happened cannot be rewritten.

An event is appended in the transaction of the change that it tells of, so there is neither without the other. The
database refuses to change or remove one; who gets around that is found by `verify`, as long as a head of the chain is
kept somewhere else (a run writes one to its directory after every change).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from hierarchy.audit.schema import EVENT, RUN
from hierarchy.database import dump, insert, load, read, write

START = "0" * 64
_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a run's chain: how many events there are, and the hash of the last (64 zeros where there is none)."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its number from 1 on, when, what happened, to which item (row id), and the details, JSON as stored."""

    seq: int
    at: float
    kind: str
    item_id: int | None
    body: str
    previous: str
    hash: str

    @property
    def details(self) -> dict[str, Any]:
        """What the event says, read."""
        said: dict[str, Any] = load(self.body)
        return said


@dataclass
class Change:
    """One write transaction on a run's queue, and the events it will leave."""

    connection: Connection
    run: str
    events: list[tuple[float, str, int | None, str]] = field(default_factory=list)

    def note(self, kind: str, at: float, item_id: int | None = None, **body: Any) -> None:
        """Add an event; `body` is what a reader of the trail needs to know, never reviewed text or a comment."""
        self.events.append((float(at), kind, item_id, dump(body)))


@contextmanager
def change(engine: Engine, run: str) -> Iterator[Change]:
    """A write transaction that leaves its events at its end, or neither change nor events where it raises."""
    with write(engine) as connection:
        made = Change(connection, run)
        yield made
        _append(made)


def open_run(connection: Connection, run: str) -> None:
    """Start the run's chain, where there is none yet."""
    row = {"run": run, "seq": 0, "hash": START, "gold_share": 0.0}
    connection.execute(insert(connection, RUN).on_conflict_do_nothing(), row)


def head(connection: Connection, run: str) -> Head:
    """The end of the run's chain."""
    row = connection.execute(select(RUN.c.seq, RUN.c.hash).where(RUN.c.run == run)).first()
    return Head(0, START) if row is None else Head(row.seq, row.hash)


def _append(made: Change) -> None:
    # Taking the head's lock last, after those of items, is what keeps two writers from waiting for one another.
    if not made.events:
        return
    query = select(RUN.c.seq, RUN.c.hash).where(RUN.c.run == made.run).with_for_update()
    if (row := made.connection.execute(query).first()) is None:
        open_run(made.connection, made.run)
        row = made.connection.execute(query).one()
    seq, last, rows = row.seq, row.hash, []
    for at, kind, item_id, body in made.events:
        seq, previous = seq + 1, last
        last = _hash(previous, made.run, seq, at, kind, item_id, body)
        rows.append(
            {"run": made.run, "seq": seq, "at": at, "kind": kind, "item_id": item_id, "body": body}
            | {"previous": previous, "hash": last}
        )
    made.connection.execute(EVENT.insert(), rows)
    made.connection.execute(RUN.update().where(RUN.c.run == made.run).values(seq=seq, hash=last))


def _hash(previous: str, run: str, seq: int, at: float, kind: str, item_id: int | None, body: str) -> str:
    return digest(previous, run, seq, at, kind, item_id, body)


def digest(*parts: Any) -> str:
    """SHA-256 over plain values, each told apart from the next by its JSON."""
    return hashlib.sha256(dump(list(parts)).encode()).hexdigest()


@dataclass(frozen=True)
class Trail:
    """A run's events, to read and to verify."""

    engine: Engine
    run: str

    def head(self) -> Head:
        """The end of the chain, to be kept elsewhere."""
        with read(self.engine) as connection:
            return head(connection, self.run)

    def events(self, after: int = 0) -> Iterator[Event]:
        """Events in order from number `after` + 1 on. It reads page by page, so a slow reader holds up nobody."""
        while True:
            query = select(EVENT).where(EVENT.c.run == self.run, EVENT.c.seq > after)
            with read(self.engine) as connection:
                rows = connection.execute(query.order_by(EVENT.c.seq).limit(_PAGE)).all()
            for row in rows:
                yield _event(row)
            if len(rows) < _PAGE:
                return
            after = rows[-1].seq

    def faults(self, heads: Sequence[Head] = ()) -> list[str]:
        """What is wrong with the chain, one line each; empty where nothing is.

        Every event must continue the one before, the last be the one the queue remembers, and every head in `heads`
        (kept when they were the end) be still in its place: a chain cut short and patched up passes the first two only.
        """
        kept = {one.seq: one.hash for one in heads}
        found: list[str] = []
        seq, last = 0, START
        for event in self.events():
            if event.seq != seq + 1:
                found.append(f"event {seq + 1}: missing; the next one there is number {event.seq}")
            if event.previous != last:
                found.append(f"event {event.seq}: does not continue the event before it")
            own = _hash(event.previous, self.run, event.seq, event.at, event.kind, event.item_id, event.body)
            if own != event.hash:
                found.append(f"event {event.seq}: changed since it was written; its hash does not fit its content")
            seq, last = event.seq, event.hash
            if kept.pop(seq, last) != last:
                found.append(f"event {seq}: not the one whose hash was exported")
        end = self.head()
        if (end.seq, end.hash) != (seq, last):
            found.append(f"the trail ends with event {seq}; the queue remembers {end.seq}: cut short")
        found += [f"event {gone}: exported once, not there any more: cut short" for gone in sorted(kept) if gone]
        return found


def _event(row: Row[Any]) -> Event:
    return Event(row.seq, row.at, row.kind, row.item_id, row.body, row.previous, row.hash)
