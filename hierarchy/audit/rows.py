"""Between the records of the audit queue and rows of its tables, and the queries that both reading and writing need."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, select

from agents import rng
from agents.vocabulary import Verdict
from hierarchy.audit.records import Decision, Item, OutboxRow, State
from hierarchy.audit.schema import DECISION, ITEM, LEASE, OUTBOX
from hierarchy.database import dump, load, to_signed, to_unsigned

QUEUE_ORDER = (ITEM.c.priority.desc(), ITEM.c.due_at, ITEM.c.tie, ITEM.c.id)
SEEN = tuple(column for column in ITEM.c if column.name != "hidden")
"""Every column of an item but the hidden layer."""


def item_row(run: str, seed: int, item: Item) -> dict[str, Any]:
    """The row of a new item. Equal priorities and due times are ordered by a hash of the case id, keyed by the seed."""
    return {
        "run": run,
        "arm": item.arm,
        "case_id": item.case_id,
        "step": item.step,
        "epoch": item.epoch,
        "round": item.round,
        "input_hash": to_signed(item.input_hash),
        "priority": float(item.priority),
        "tie": to_signed(int(rng.key(seed, "audit order", item.case_id)[0])),
        "enqueued_at": float(item.enqueued_at),
        "due_at": float(item.due_at),
        "state": State.OPEN.value,
        "fence": 0,
        "payload": dump(dict(item.payload)),
        "hidden": None if item.hidden is None else dump(dict(item.hidden)),
    }


def item_of(row: Row[Any]) -> Item:
    """The item of a row of `SEEN`, with the hidden layer where the row has it."""
    hidden = row._mapping.get("hidden")
    return Item(
        arm=row.arm,
        case_id=row.case_id,
        step=row.step,
        input_hash=to_unsigned(row.input_hash),
        payload=load(row.payload),
        priority=row.priority,
        enqueued_at=row.enqueued_at,
        due_at=row.due_at,
        epoch=row.epoch,
        round=row.round,
        hidden=None if hidden is None else load(hidden),
        state=State(row.state),
    )


def decision_row(item_id: int, decision: Decision, now: float) -> dict[str, Any]:
    """The row of a decision taken at `now`."""
    return {
        "item_id": item_id,
        "auditor": decision.auditor,
        "round": decision.round,
        "verdict": int(decision.verdict),
        "text": decision.text,
        "latent": None if decision.latent is None else to_signed(decision.latent),
        "label": decision.label,
        "comment": decision.comment,
        "minutes": float(decision.minutes),
        "decided_at": now,
    }


def decision_of(row: Row[Any]) -> Decision:
    """The decision of a row that has the decision table's columns."""
    return Decision(
        verdict=Verdict(row.verdict),
        auditor=row.auditor,
        text=row.text,
        latent=None if row.latent is None else to_unsigned(row.latent),
        label=row.label,
        comment=row.comment,
        minutes=row.minutes,
        round=row.round,
    )


def unapplied(run: str) -> Select[Any]:
    """The run's outbox rows that were not applied yet, oldest first."""
    return (
        select(
            OUTBOX.c.id.label("outbox_id"),
            ITEM.c.arm,
            ITEM.c.case_id,
            ITEM.c.step,
            ITEM.c.epoch,
            ITEM.c.input_hash,
            *(column for column in DECISION.c if column.name not in ("id", "item_id")),
        )
        .join_from(OUTBOX, ITEM, OUTBOX.c.item_id == ITEM.c.id)
        .join(DECISION, OUTBOX.c.decision_id == DECISION.c.id)
        .where(ITEM.c.run == run, OUTBOX.c.applied.is_(False))
        .order_by(OUTBOX.c.id)
    )


def outbox_of(row: Row[Any]) -> OutboxRow:
    """The outbox row of a row of `unapplied`."""
    hash_ = to_unsigned(row.input_hash)
    return OutboxRow(row.outbox_id, row.arm, row.case_id, row.step, row.epoch, hash_, decision_of(row))


def lease_of(item_id: int, fence: int) -> Select[Any]:
    """The lease that counts for an item: the one of its last claim."""
    return select(LEASE).where(LEASE.c.item_id == item_id, LEASE.c.fence == fence)
