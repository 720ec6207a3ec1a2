"""Whether the queue is what its trail says: every item, decision and state has its event, and every event its row.

The chain itself is `Trail.faults`; this is what the tables must agree with. A row that somebody changed, removed or
slipped in beside the queue shows here even where nobody touched the trail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, or_, select

from hierarchy.audit.enqueue import item_digest
from hierarchy.audit.records import GOLD, State
from hierarchy.audit.rows import named
from hierarchy.audit.sample_store import sample_digest
from hierarchy.audit.schema import DECISION, ITEM, OUTBOX, RUN, SAMPLE
from hierarchy.audit.settle import decision_digest
from hierarchy.audit.trail import Head, Trail
from hierarchy.database import read

_PAGE = 5_000


@dataclass
class _Told:
    """What the trail says the tables hold."""

    items: dict[int, str] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    given: dict[tuple[int, str, int], str] = field(default_factory=dict)
    undone: set[tuple[int, str, int]] = field(default_factory=set)
    answers: Counter[int] = field(default_factory=Counter)
    gold_share: float = 0.0
    samples: dict[str, str] = field(default_factory=dict)


def faults(engine: Engine, run: str, heads: Sequence[Head] = ()) -> list[str]:
    """What is wrong with the run's queue, one line each, the chain first; empty where nothing is.

    `heads`: ends of the chain that were kept elsewhere (see `Trail.faults`).
    """
    trail = Trail(engine, run)
    found = trail.faults(heads)
    told = _Told()
    for event in trail.events():
        try:
            if event.kind == "gold share":
                told.gold_share = event.details["share"]
            elif event.kind in ("plan sample", "draw sample", "answer sample"):
                told.samples[event.details["arm"]] = event.details["digest"]
            elif event.item_id is not None:
                _take(told, event.kind, event.item_id, event.details)
        except (ValueError, KeyError):
            found.append(f"event {event.seq}: cannot be read")
    with read(engine) as connection:
        found += _items(connection, run, told)
        found += _decisions(connection, run, told)
        found += _outbox(connection, run)
        found += _samples(connection, run, told)
        share = connection.execute(select(RUN.c.gold_share).where(RUN.c.run == run)).scalar_one_or_none() or 0.0
    if share != told.gold_share:
        found.append(f"the share of gold cases is {share}; the trail says {told.gold_share}")
    return found


def _take(told: _Told, kind: str, item_id: int, details: dict[str, Any]) -> None:
    if kind == "enqueue":
        told.items[item_id] = details["digest"]
    elif kind in ("decide", "undo"):
        key = (item_id, details["auditor"], details["round"])
        told.states[item_id] = details["state"]
        told.answers[item_id] += 1 if kind == "decide" else -1
        if kind == "decide":
            told.given[key] = details["digest"]
        else:
            told.undone.add(key)


def _items(connection: Connection, run: str, told: _Told) -> list[str]:
    found, seen, after = [], set(), 0
    while rows := connection.execute(
        select(ITEM).where(ITEM.c.run == run, ITEM.c.id > after).order_by(ITEM.c.id).limit(_PAGE)
    ).all():
        for row in rows:
            seen.add(row.id)
            found += _item(row, told)
        after = rows[-1].id
    gone = sorted(told.items.keys() - seen)
    return found + [f"item {item_id}: removed; the trail says it was enqueued" for item_id in gone]


def _item(row: Row[Any], told: _Told) -> list[str]:
    if row.id not in told.items:
        return [f"{named(row)}: no event says that it was enqueued"]
    found = []
    if told.items[row.id] != item_digest(row._mapping):
        found.append(f"{named(row)}: changed since it was enqueued")
    expected = told.states.get(row.id, State.OPEN.value if row.gold is None else GOLD)
    if row.state != expected:
        found.append(f"{named(row)}: its state is {row.state!r}; the trail says {expected!r}")
    if row.answers != told.answers[row.id]:
        found.append(f"{named(row)}: it counts {row.answers} answers; the trail says {told.answers[row.id]}")
    return found


def _decisions(connection: Connection, run: str, told: _Told) -> list[str]:
    query = select(DECISION, ITEM.c.arm, ITEM.c.case_id).join(ITEM, DECISION.c.item_id == ITEM.c.id)
    found, seen = [], set()
    for row in connection.execute(query.where(ITEM.c.run == run).order_by(DECISION.c.id)):
        key = (row.item_id, row.auditor, row.round)
        seen.add(key)
        where = f"{named(row)}: the decision of {row.auditor!r}"
        if key not in told.given:
            found.append(f"{where} has no event")
        elif told.given[key] != decision_digest(row._mapping):
            found.append(f"{where} was changed since it was given")
        elif row.undone != (key in told.undone):
            found.append(f"{where} is {'' if row.undone else 'not '}undone; the trail says otherwise")
    gone = sorted(told.given.keys() - seen)
    return found + [f"item {item}: the decision of {auditor!r} was removed" for item, auditor, _ in gone]


def _samples(connection: Connection, run: str, told: _Told) -> list[str]:
    rows = connection.execute(select(SAMPLE).where(SAMPLE.c.run == run).order_by(SAMPLE.c.id)).all()
    there = {row.arm: sample_digest(connection, row) for row in rows}
    arms = sorted(there.keys() | told.samples.keys())
    faults = {arm: "no event says that it was planned" if arm not in told.samples else "removed" if arm not in there
              else "changed since it was planned, drawn or answered" for arm in arms}  # fmt: skip
    return [f"sample of arm {arm!r}: {faults[arm]}" for arm in arms if there.get(arm) != told.samples.get(arm)]


def _outbox(connection: Connection, run: str) -> list[str]:
    query = (
        select(ITEM.c.arm, ITEM.c.case_id)
        .join(OUTBOX, OUTBOX.c.item_id == ITEM.c.id, isouter=True)
        .where(ITEM.c.run == run, ITEM.c.kind == "case")
        .where((ITEM.c.state == State.SETTLED.value) != OUTBOX.c.id.is_not(None))
    )
    rows = connection.execute(query).all()
    found = [f"{named(row)}: settled, and not on its way to the run, or the reverse" for row in rows]
    other = (
        select(ITEM.c.arm, ITEM.c.case_id)
        .join(OUTBOX, OUTBOX.c.item_id == ITEM.c.id)
        .join(DECISION, OUTBOX.c.decision_id == DECISION.c.id)
        .where(ITEM.c.run == run, or_(DECISION.c.item_id != ITEM.c.id, DECISION.c.undone))
    )
    rows = connection.execute(other).all()
    return found + [f"{named(row)}: what is on its way to the run is not its decision" for row in rows]
