"""Between the records of the audit queue and rows of its tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from agents import rng
from agents.vocabulary import Verdict
from hierarchy.audit.decision import Decision, check_storable
from hierarchy.audit.errors import Unreadable
from hierarchy.audit.records import GOLD, Item, ItemKey, Kind, State
from hierarchy.audit.schema import ITEM
from hierarchy.database import dump, load, to_signed, to_unsigned

QUEUE_ORDER = (ITEM.c.priority.desc(), ITEM.c.due_at, ITEM.c.enqueued_at, ITEM.c.tie, ITEM.c.id)
SEEN = tuple(column for column in ITEM.c if column.name not in ("hidden", "gold"))
"""Every column of an item but the hidden layer and the answer of a gold case."""
WHOLE = tuple(column for column in ITEM.c if column.name != "gold")


def item_row(run: str, seed: int, item: Item) -> dict[str, Any]:
    """The row of a new item; what else is equal is ordered by a hash of the case id, keyed by the seed."""
    for name in ("arm", "case_id", "step"):
        check_storable(name, getattr(item, name))
    if item.reviewers < 1:
        raise Unreadable(f"case {item.case_id!r}: {item.reviewers} reviewers; expected at least 1")
    return {
        "run": run,
        "kind": item.kind.value,
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
        "answers": 0,
        "reviewers": item.reviewers,
        "blind": item.blind,
        "hide_model": item.hide_model,
        "payload": dump(dict(item.payload)),
        "hidden": None if item.hidden is None else dump(dict(item.hidden)),
        "gold": None,
    }


def item_of(row: Row[Any]) -> Item:
    """The item of a row of `SEEN` or `WHOLE`; the hidden layer where the row has it and it may be seen."""
    state = State.OPEN if row.state == GOLD else State(row.state)
    withheld = row.hide_model and state is not State.SETTLED
    hidden = None if withheld else row._mapping.get("hidden")
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
        state=state,
        kind=Kind(row.kind),
        reviewers=row.reviewers,
        blind=row.blind,
        hide_model=row.hide_model,
    )


def key_of(row: Row[Any]) -> ItemKey:
    """The key of an item's row."""
    return ItemKey(row.arm, row.case_id, row.step, row.epoch)


def named(row: Any) -> str:
    """An item in a message."""
    return f"case {row.case_id!r} of arm {row.arm!r}"


def decision_row(item_id: int, decision: Decision, now: float, key: str, adjudicates: bool = False) -> dict[str, Any]:
    """The row of a decision taken at `now`."""
    return {
        "item_id": item_id,
        "auditor": decision.auditor,
        "round": decision.round,
        "key": key,
        "verdict": int(decision.verdict),
        "text": decision.text,
        "latent": None if decision.latent is None else to_signed(decision.latent),
        "label": decision.label,
        "principles": dump(list(decision.principles)),
        "comment": decision.comment,
        "minutes": float(decision.minutes),
        "decided_at": float(now),
        "adjudicates": adjudicates,
        "undone": False,
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
        principles=tuple(load(row.principles)),
        round=row.round,
    )
