"""Gold cases: cases whose right answer is known, mixed in with the others to see how well auditors judge.

To an auditor a gold case is an open case like any other: its id is that of a case of the run that never waits for a
person, or one that such a case could have, and its priority, due time, age and settings are those of a real case that
waits. It has no outbox row, so nothing of it can reach the run or a training set.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Row, func, select

from agents import rng
from agents.records import Message
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

    def add(
        self,
        cases: Sequence[GoldCase],
        now: float,
        arm: str | None = None,
        ids: Collection[str] = (),
        spare: Collection[str] = (),
    ) -> int:
        """Mix gold cases in (each name once per run); returns how many are new. Raises Unreadable.

        Each takes after a real case that waits (in `arm`), so there must be one. `ids`: every case id of the run, those
        that may still come to wait included, so that no gold case is given one of theirs. `spare`: ids of cases of the
        run that will never wait for a person: these go to gold cases first, as nobody can tell them from others.
        """
        with change(self.engine, self.run) as made:
            known, queued = self._names(made.connection), self._ids(made.connection)
            names = _Ids(self.seed, {*ids, *spare, *queued}, sorted(set(spare) - queued))
            models = self._models(made.connection, now, arm)
            rows = []
            for case in cases:
                if case.name not in known:
                    known.add(case.name)
                    rows.append(self._row(case, models, names))
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

    def conversations(self) -> set[tuple[Message, ...]]:
        """What the gold cases ask: no row that asks the same may train, or an auditor's test would be known."""
        query = select(ITEM.c.payload).where(ITEM.c.run == self.run, ITEM.c.state == GOLD)
        with read(self.engine) as connection:
            shown = [load(payload).get("messages", []) for payload in connection.execute(query).scalars()]
        return {tuple(Message(turn["role"], turn["content"]) for turn in turns) for turns in shown if turns}

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

    def _row(self, case: GoldCase, models: Sequence[Row[Any]], names: _Ids) -> dict[str, Any]:
        model = self._model(case, models)
        case_id = names.like(model.case_id, case.name)
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

    def _model(self, case: GoldCase, models: Sequence[Row[Any]]) -> Row[Any]:
        """A real case that this one could be, drawn by its name. Raises Unreadable where it would stand out."""
        found = [(row, _stands_out(case, row)) for row in models]
        alike = [row for row, why in found if why is None]
        if not alike:
            raise Unreadable(f"gold case {case.name!r}: {found[0][1]}; it would stand out")
        return alike[int(rng.uniform(rng.key(self.seed, "gold", case.name))[0] * len(alike))]


@dataclass
class _Ids:
    """Ids for gold cases. `known`: those that cases have; `spare`: those of cases that never wait, in one order."""

    seed: int
    known: set[str]
    spare: list[str]
    given: set[str] = field(default_factory=set)

    def like(self, model: str, name: str) -> str:
        """An id that a real case could have: a spare one, else one made of the characters that the ids as long as the
        model's have at each place. Raises Unreadable where every such id is some case's."""
        if self.spare:
            return self.spare.pop(int(rng.uniform(rng.key(self.seed, "gold id", name))[0] * len(self.spare)))
        places = [
            sorted(set(chars)) for chars in zip(*(one for one in self.known if len(one) == len(model)), strict=True)
        ]
        for attempt in range(_TRIES):
            keys = rng.fold(rng.key(self.seed, "gold id", name), np.array([attempt]))
            drawn = rng.uniform(rng.fold(keys, np.arange(len(places))))
            made = "".join(chars[int(u * len(chars))] for chars, u in zip(places, drawn.tolist(), strict=True))
            if made not in self.known | self.given:
                self.given.add(made)
                return made
        raise Unreadable(
            f"gold case {name!r}: every id that looks like {model!r} is a case's, so its own would tell it; add gold "
            "once the run has settled some cases without a person, or leave gaps in the numbers of the run's cases"
        )


def _stands_out(case: GoldCase, model: Row[Any]) -> str | None:
    """By what an auditor could tell the gold case from the real one; None where by nothing that can be checked."""
    real = load(model.payload)
    if missing := sorted(real.keys() - case.payload.keys()):
        return f"payload lacks {', '.join(missing)}, which real cases show"
    if more := sorted(case.payload.keys() - real.keys()):
        return f"payload has {', '.join(more)}, which real cases do not show"
    for name in ("principles", "labels"):
        if case.payload.get(name) != real.get(name):
            return f"payload: {name} are {case.payload.get(name)}; those of real cases {real.get(name)}"
    if model.hide_model:
        return None
    if (case.hidden is None) != (model.hidden is None):
        there = (
            "no reviews; auditors may see those of real cases"
            if case.hidden is None
            else "reviews; real cases have none"
        )
        return f"{there}"
    return _other_reviewers(case, model)


def _other_reviewers(case: GoldCase, model: Row[Any]) -> str | None:
    steps = [{review.get("step") for review in found.get("reviews", [])} for found in _hidden(case, model)]
    strange = sorted(map(str, steps[0] - steps[1]))
    return f"reviewed by {', '.join(strange)}, and real cases are not" if strange else None


def _hidden(case: GoldCase, model: Row[Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return case.hidden or {}, load(model.hidden) if model.hidden else {}


def _answer(row: Any) -> GoldAnswer:
    right = load(row.gold)
    flagged = Verdict(row.verdict) is not Verdict.ACCEPT
    same = flagged == right["violates"] and right["label"] in (None, row.label)
    return GoldAnswer(row.auditor, right["name"], right["violates"], flagged, same)
