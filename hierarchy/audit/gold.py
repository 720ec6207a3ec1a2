"""Gold cases: cases whose right answer is known, mixed in with the others to see how well auditors judge.

To an auditor a gold case is an open case like any other: its id is made in the image of a real one, and its priority,
due time, age and settings are those of a real case that waits. It has no outbox row, so nothing of it can reach the
run or a training set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from agents import rng
from agents.vocabulary import Verdict
from hierarchy.audit.enqueue import add
from hierarchy.audit.errors import Unreadable
from hierarchy.audit.records import GOLD, Kind, State
from hierarchy.audit.schema import DECISION, ITEM, RUN
from hierarchy.audit.trail import Change, change, open_run
from hierarchy.database import dump, load, read, to_signed

_TRIES = 100


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

    def add(self, cases: Sequence[GoldCase], now: float, arm: str | None = None) -> int:
        """Mix gold cases in (each name once per run); returns how many are new. Raises Unreadable.

        Each takes after a real case that waits (in `arm`), so there must be one.
        """
        with change(self.engine, self.run) as made:
            known = self._names(made.connection)
            models = self._models(made.connection, now, arm)
            rows = []
            for case in cases:
                if case.name not in known:
                    known.add(case.name)
                    rows.append(self._row(made, case, models))
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
        where += [ITEM.c.due_at > now] + ([ITEM.c.arm == arm] if arm is not None else [])
        rows = connection.execute(select(ITEM).where(*where).order_by(ITEM.c.id)).all()
        if not rows:
            raise Unreadable("no case waits that a gold case could take after; add them while real ones wait")
        return rows

    def _row(self, made: Change, case: GoldCase, models: Sequence[Row[Any]]) -> dict[str, Any]:
        pick = rng.uniform(rng.key(self.seed, "gold model", case.name))[0]
        model = models[int(pick * len(models))]
        _check(case, model)
        case_id = self._id_like(made.connection, case, model)
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

    def _id_like(self, connection: Connection, case: GoldCase, model: Row[Any]) -> str:
        """An id in the image of the model's, other digits in the same places, that no case of the run has."""
        for attempt in range(_TRIES):
            drawn = f"{int(rng.key(self.seed, 'gold id', case.name, attempt)[0]):020d}" * 20
            made = _other_digits(model.case_id, drawn)
            taken = select(ITEM.c.id).where(ITEM.c.run == self.run, ITEM.c.case_id == made)
            if made != model.case_id and connection.execute(taken).first() is None:
                return made
        raise Unreadable(
            f"gold case {case.name!r}: no free id looks like {model.case_id!r}; give the run's cases ids with numbers"
        )


def _other_digits(name: str, drawn: str) -> str:
    """The name with its digits replaced; the first of a number stays, so that it keeps its length and look."""
    digits = iter(drawn)
    return re.sub(r"(?<=\d)\d|(?<!\d)\d(?!\d)", lambda _: next(digits), name)


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
