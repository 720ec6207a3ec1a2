"""Gold cases: cases whose right answer is known, mixed in with the others to see how well auditors judge.

To an auditor a gold case is an open case like any other: its id is made in the image of a real one, and its priority,
due time, age and settings are those of a real case that waits. It has no outbox row, so nothing of it can reach the
run or a training set.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Row, func, select

from agents import rng
from agents.vocabulary import Verdict
from hierarchy.audit.enqueue import add
from hierarchy.audit.errors import Unreadable
from hierarchy.audit.records import GOLD, Kind, State
from hierarchy.audit.schema import DECISION, ITEM, RUN
from hierarchy.audit.trail import change, open_run
from hierarchy.database import dump, load, read, to_signed

_TRIES = 1_000


@dataclass(frozen=True)
class GoldCase:
    """A case with its right answer.

    Attributes:
        name: what the researcher calls it; auditors never see it.
        payload: what the auditor sees, with the keys of a real case's payload.
        violates: whether the response breaks the constitution, so that to accept it is wrong.
        label: the right label, in graphs that label.
        hidden: what reviewers found, in the form of a real case's hidden layer; None where auditors do not see it.
    """

    name: str
    payload: Mapping[str, Any]
    violates: bool
    label: str | None = None
    hidden: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """What an auditor said of a gold case; `flagged`: they did not accept it; `right`: as known, label included."""

    auditor: str
    name: str
    violates: bool
    flagged: bool
    right: bool


@dataclass(frozen=True)
class GoldCases:
    """The gold cases of a run."""

    engine: Engine
    run: str
    seed: int

    def add(self, cases: Sequence[GoldCase], now: float, arm: str | None = None, ids: Collection[str] = ()) -> int:
        """Mix gold cases in (each name once per run); returns how many are new. Raises Unreadable.

        Each takes after a real case that waits (in `arm`), so there must be one. `ids`: every case id of the run, those
        that may still come to wait included, so that no gold case is given one of theirs.
        """
        with change(self.engine, self.run) as made:
            known, taken = self._names(made.connection), set(ids) | self._ids(made.connection)
            models = self._models(made.connection, now, arm)
            rows = []
            for case in cases:
                if case.name not in known:
                    known.add(case.name)
                    rows.append(self._row(case, models, taken))
            return len(add(made, rows))

    def set_share(self, share: float, now: float) -> None:
        """How much of what auditors claim is gold, 0 to 1 (as long as there are gold cases new to them)."""
        if not 0 <= share < 1:
            raise Unreadable(f"share of gold cases {share}; expected at least 0 and less than 1")
        with change(self.engine, self.run) as made:
            open_run(made.connection, self.run)
            made.connection.execute(RUN.update().where(RUN.c.run == self.run).values(gold_share=share))
            made.note("gold share", now, None, share=share)

    def answers(self) -> list[GoldAnswer]:
        """Every standing answer to a gold case, in the order they were given."""
        query = (
            select(ITEM.c.gold, DECISION.c.auditor, DECISION.c.verdict, DECISION.c.label)
            .join(DECISION, DECISION.c.item_id == ITEM.c.id)
            .where(ITEM.c.run == self.run, ITEM.c.state == GOLD, DECISION.c.undone.is_(False))
            .order_by(DECISION.c.id)
        )
        with read(self.engine) as connection:
            return [_answer(row) for row in connection.execute(query)]

    def count(self) -> int:
        """How many gold cases the run has."""
        query = select(func.count()).where(ITEM.c.run == self.run, ITEM.c.state == GOLD)
        with read(self.engine) as connection:
            return connection.execute(query).scalar_one()

    def _names(self, connection: Connection) -> set[str]:
        query = select(ITEM.c.gold).where(ITEM.c.run == self.run, ITEM.c.state == GOLD)
        return {load(gold)["name"] for gold in connection.execute(query).scalars()}

    def _models(self, connection: Connection, now: float, arm: str | None) -> Sequence[Row[Any]]:
        where = [ITEM.c.run == self.run, ITEM.c.kind == Kind.CASE.value, ITEM.c.state == State.OPEN.value]
        # A case that was appealed against shows why, which a gold case could not.
        where += [ITEM.c.due_at > now, ITEM.c.epoch == 0] + ([ITEM.c.arm == arm] if arm is not None else [])
        rows = connection.execute(select(ITEM).where(*where).order_by(ITEM.c.id)).all()
        if not rows:
            raise Unreadable("no case waits that a gold case could take after; add them while real ones wait")
        return rows

    def _ids(self, connection: Connection) -> set[str]:
        return set(connection.execute(select(ITEM.c.case_id).where(ITEM.c.run == self.run)).scalars())

    def _row(self, case: GoldCase, models: Sequence[Row[Any]], taken: set[str]) -> dict[str, Any]:
        case_id, model = self._id_like(case, models, taken)
        taken.add(case_id)
        _check(case, model)
        kept = {name: value for name, value in model._mapping.items() if name != "id"}
        right = {"name": case.name, "violates": case.violates, "label": case.label}
        return {
            **kept,
            "case_id": case_id,
            "tie": to_signed(int(rng.key(self.seed, "audit order", case_id)[0])),
            "state": GOLD,
            "fence": 0,
            "answers": 0,
            "payload": dump(dict(case.payload)),
            "hidden": None if case.hidden is None else dump(dict(case.hidden)),
            "gold": dump(right),
        }

    def _id_like(self, case: GoldCase, models: Sequence[Row[Any]], taken: set[str]) -> tuple[str, Row[Any]]:
        """An id in the image of a real one, other digits in the same places, that is nobody's; and whose image."""
        for attempt in range(_TRIES):
            keys = rng.fold(rng.key(self.seed, "gold", case.name), np.array([2 * attempt, 2 * attempt + 1]))
            model = models[int(rng.uniform(keys)[0] * len(models))]
            # From its end on: the first digits of a number below 2^64 are not evenly spread.
            made = _other_digits(model.case_id, f"{int(keys[1]):020d}"[:4:-1] * 20)
            if made not in taken:
                return made, model
        raise Unreadable(
            f"gold case {case.name!r}: no free id looks like {models[0].case_id!r}; give the run's cases longer numbers"
        )


def _other_digits(name: str, drawn: str) -> str:
    """The name with other digits, and no number that begins with a zero where it did not before."""
    digits = iter(drawn)
    return re.sub(r"\d", lambda at: _digit(at, next(digits)), name)


def _digit(at: re.Match[str], drawn: str) -> str:
    if not _leads(at):
        return drawn
    return "0" if at.group() == "0" else str(1 + int(drawn) % 9)


def _leads(at: re.Match[str]) -> bool:
    """Whether this digit begins a longer number."""
    return not at.string[: at.start()][-1:].isdigit() and at.string[at.end() :][:1].isdigit()


def _check(case: GoldCase, model: Row[Any]) -> None:
    real = load(model.payload)
    missing = sorted(real.keys() - case.payload.keys())
    if missing:
        raise Unreadable(f"gold case {case.name!r}: payload lacks {', '.join(missing)}, which real cases show")
    if case.hidden is None and model.hidden is not None and not model.hide_model:
        raise Unreadable(
            f"gold case {case.name!r}: no reviews; auditors may see those of real cases, so it would stand out"
        )


def _answer(row: Any) -> GoldAnswer:
    right = load(row.gold)
    flagged = Verdict(row.verdict) is not Verdict.ACCEPT
    same = flagged == right["violates"] and right["label"] in (None, row.label)
    return GoldAnswer(row.auditor, right["name"], right["violates"], flagged, same)
