"""Putting items into the queue: each once, each with an event that fixes what it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from hierarchy.audit.errors import Conflict
from hierarchy.audit.records import GOLD
from hierarchy.audit.schema import ITEM
from hierarchy.audit.trail import Change, digest
from hierarchy.database import insert

_FIXED = (
    "kind", "arm", "case_id", "step", "epoch", "round", "input_hash", "priority", "enqueued_at", "due_at",
    "reviewers", "blind", "hide_model", "payload", "hidden", "gold",
)  # fmt: skip


def add(change: Change, rows: Sequence[dict[str, Any]]) -> list[Row[Any]]:
    """Insert items that are not there yet, and note each; returns those that are new."""
    if not rows:
        return []
    # In one order whoever inserts: two processes that enqueue the same cases must not wait for one another.
    ordered = sorted(rows, key=lambda row: (row["arm"], row["case_id"], row["step"], row["epoch"]))
    statement = insert(change.connection, ITEM).on_conflict_do_nothing().returning(ITEM)
    new = change.connection.execute(statement, ordered).all()
    if len(new) < len(ordered):
        _refuse_gold_namesakes(change, ordered)
    for row in new:
        note(change, row)
    return list(new)


def _refuse_gold_namesakes(change: Change, rows: Sequence[dict[str, Any]]) -> None:
    """A case that is "there already" must be itself, and not a gold case that was given its name."""
    query = select(ITEM.c.arm, ITEM.c.case_id, ITEM.c.step).where(ITEM.c.run == change.run, ITEM.c.state == GOLD)
    gold = {tuple(row) for row in change.connection.execute(query)}
    for row in rows:
        if row["state"] != GOLD and (row["arm"], row["case_id"], row["step"]) in gold:
            raise Conflict(f"case {row['case_id']!r} of arm {row['arm']!r}: a gold case has its id; it cannot wait")


def note(change: Change, row: Row[Any]) -> None:
    """The event of a new item: what it is called, and a digest of all that never changes about it."""
    told = {"arm": row.arm, "case": row.case_id, "step": row.step, "epoch": row.epoch, "of": row.kind}
    change.note("enqueue", row.enqueued_at, row.id, **told, digest=item_digest(row._mapping))


def item_digest(row: Any) -> str:
    """The digest of what never changes about an item's row (a mapping)."""
    # A database may give 1 for 1.0 and for true.
    return digest(*(_AS.get(name, _same)(row[name]) for name in _FIXED))


def _same(value: Any) -> Any:
    return value


_AS = {"priority": float, "enqueued_at": float, "due_at": float, "blind": bool, "hide_model": bool}
