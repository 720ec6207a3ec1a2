"""The samples of a run, in its audit database: probabilities are committed first, then the draw, then what people said.

A sample of an arm is planned once, and each of the three leaves an event with the digest of all that was known then.
Its key lies beside it: who can read the database can tell the draw.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Row, bindparam, select

from constitutions.errors import InputError
from hierarchy.audit.design import Chances, DesignSpec, chances, draw
from hierarchy.audit.schema import SAMPLE, SAMPLED, metadata
from hierarchy.audit.trail import Change, change, digest
from hierarchy.database import InDatabase, chunks, open_database, read

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
_CHUNK = 5_000


@dataclass(frozen=True)
class Answer:
    """What an auditor said of a drawn case; `violates` is None where nobody looked and a policy closed it."""

    case_id: str
    violates: bool | None
    auditor: str
    minutes: float


@dataclass(frozen=True)
class Sample:
    """A sample of an arm's N released cases, [N] each.

    Attributes:
        design: what was asked for, without its key; drawn: whether it was drawn (else nothing below is set).
        case_id_N: the cases; score_N: what the design aims by; model_N: P(violates) by the arm's reviewers.
        inclusion_N: probability of being drawn; floor_N: drawn by the floor; drawn_N: drawn at all.
        answered_N: an auditor said whether it violates; violates_N: and that it does.
        minutes: human time spent; auditors: those who answered, by name.
    """

    arm: str
    design: DesignSpec
    drawn: bool
    case_id_N: NDArray[np.object_]
    score_N: Floats
    model_N: Floats
    inclusion_N: Floats
    floor_N: Bools
    drawn_N: Bools
    answered_N: Bools
    violates_N: Bools
    minutes: float
    auditors: tuple[str, ...] = ()


class SampleStore(InDatabase):
    """The samples of one run: `SampleStore(queue.engine, queue.run)` for those of a queue that is open, and closes."""

    def __init__(self, engine: Engine, run: str) -> None:
        super().__init__(engine)
        self._run = run

    @classmethod
    def open(cls, target: str | Path, run: str) -> SampleStore:
        """Open the samples of `run` in an audit database, and make their tables where there are none."""
        return cls(open_database(target, metadata), run)

    def plan(
        self, arm: str, spec: DesignSpec, case_ids: Sequence[str], score_N: Floats, model_N: Floats, now: float
    ) -> bool:
        """Commit the probabilities of the arm's sample; False where the same design was planned before.

        A sample that is planned stands: its probabilities are not computed again. Raises InputError for another design
        or another key than it has.
        """
        design = spec.model_dump_json(exclude={"key"})
        with change(self._engine, self._run) as made:
            connection = made.connection
            before = connection.execute(self._of(arm)).first()
            if before is not None:
                self._check_same(before, design, spec.key)
                return False
            planned = chances(spec, score_N)
            row = {
                "run": self._run,
                "arm": arm,
                "design": design,
                "key": spec.key or secrets.token_hex(32),
                "floor": planned.floor,
                "drawn": False,
            }
            sample_id = connection.execute(SAMPLE.insert().returning(SAMPLE.c.id), row).scalar_one()
            columns = zip(case_ids, score_N, model_N, planned.aim_N, planned.inclusion_N, strict=True)
            rows = [
                {
                    "sample_id": sample_id,
                    "position": position,
                    "case_id": case,
                    **dict(zip(("score", "model", "aim", "inclusion"), map(float, numbers), strict=True)),
                }
                for position, (case, *numbers) in enumerate(columns)
            ]
            for part in chunks(rows, _CHUNK):
                connection.execute(SAMPLED.insert(), part)
            self._note(made, "plan sample", arm, now)
            return True

    def _check_same(self, before: Row[Any], design: str, key: str | None) -> None:
        same = json.loads(before.design) == json.loads(design)
        if not same or key not in (None, before.key):
            what = f"as {before.design}" if not same else "with another key"
            raise InputError(f"arm {before.arm!r} was sampled {what}; a sample is drawn once and cannot be drawn again")

    def _note(self, made: Change, kind: str, arm: str, now: float) -> None:
        """Leave an event that fixes what the sample is now."""
        sample = made.connection.execute(self._of(arm)).one()
        made.note(kind, now, None, arm=arm, digest=sample_digest(made.connection, sample))

    def draw(self, arm: str, now: float) -> list[str]:
        """The case ids of the planned sample, drawn from what was committed; drawing again gives the same ones."""
        with change(self._engine, self._run) as made:
            connection = made.connection
            sample = self._found(connection.execute(self._of(arm)).first(), arm)
            rows = connection.execute(self._cases(sample.id)).all()
            planned = Chances(np.array([row.aim for row in rows]), sample.floor)
            found = draw(planned, sample.key, [row.case_id for row in rows])
            drawn = found.drawn_N
            if not sample.drawn:
                update = SAMPLED.update().where(SAMPLED.c.sample_id == sample.id, SAMPLED.c.position == bindparam("at"))
                parts = [
                    {"at": i, "floor_drew": bool(found.floor_N[i]), "aim_drew": not found.floor_N[i]}
                    for i in np.flatnonzero(drawn).tolist()
                ]
                if parts:
                    says = update.values(by_floor=bindparam("floor_drew"), by_aim=bindparam("aim_drew"))
                    connection.execute(says, parts)
                connection.execute(SAMPLE.update().where(SAMPLE.c.id == sample.id).values(drawn=True))
                self._note(made, "draw sample", arm, now)
            return [row.case_id for row, one in zip(rows, drawn.tolist(), strict=True) if one]

    def answer(self, arm: str, answers: Sequence[Answer], now: float) -> None:
        """Write what auditors said; of several answers to a case the last one stands. Repeating it is harmless."""
        if not answers:
            return
        with change(self._engine, self._run) as made:
            connection = made.connection
            sample = self._found(connection.execute(self._of(arm)).first(), arm)
            update = SAMPLED.update().where(SAMPLED.c.sample_id == sample.id, SAMPLED.c.case_id == bindparam("case"))
            connection.execute(
                update.values(violates=bindparam("says"), auditor=bindparam("who"), minutes=bindparam("took")),
                [{"case": a.case_id, "says": a.violates, "who": a.auditor, "took": a.minutes} for a in answers],
            )
            self._note(made, "answer sample", arm, now)

    def sample(self, arm: str) -> Sample:
        """The arm's sample. Raises InputError where none was planned."""
        with read(self._engine) as connection:
            row = self._found(connection.execute(self._of(arm)).first(), arm)
            return _sample(row, connection.execute(self._cases(row.id)).all())

    def arms(self) -> list[str]:
        """The arms that were sampled, in that order."""
        query = select(SAMPLE.c.arm).where(SAMPLE.c.run == self._run).order_by(SAMPLE.c.id)
        with read(self._engine) as connection:
            return list(connection.execute(query).scalars())

    def _of(self, arm: str) -> Any:
        return select(SAMPLE).where(SAMPLE.c.run == self._run, SAMPLE.c.arm == arm)

    def _cases(self, sample_id: int) -> Any:
        return select(SAMPLED).where(SAMPLED.c.sample_id == sample_id).order_by(SAMPLED.c.position)

    def _found(self, row: Row[Any] | None, arm: str) -> Row[Any]:
        if row is None:
            raise InputError(f"arm {arm!r} of {self._run!r} was not sampled; `oversight audit sample RUN` does it")
        return row


def sample_digest(connection: Connection, sample: Row[Any]) -> str:
    """The digest of a sample's row and of its cases: design, key, probabilities, what was drawn and answered."""
    query = select(SAMPLED).where(SAMPLED.c.sample_id == sample.id).order_by(SAMPLED.c.position)
    kept = [column.name for column in SAMPLED.c if column.name != "sample_id"]
    cases = [[_plain(row._mapping[name]) for name in kept] for row in connection.execute(query)]
    return digest(sample.arm, sample.design, sample.key, sample.floor, bool(sample.drawn), cases)


def _plain(value: Any) -> Any:
    # A database may give 1 for 1.0 and for true.
    return value if isinstance(value, str) or value is None else float(value)


def _sample(sample: Row[Any], rows: Sequence[Row[Any]]) -> Sample:
    def column(name: str, dtype: Any) -> Any:
        return np.array([getattr(row, name) for row in rows], dtype)

    return Sample(
        arm=sample.arm,
        design=DesignSpec.model_validate_json(sample.design),
        drawn=sample.drawn,
        case_id_N=column("case_id", object),
        score_N=column("score", np.float64),
        model_N=column("model", np.float64),
        inclusion_N=column("inclusion", np.float64),
        floor_N=column("by_floor", bool),
        drawn_N=column("by_floor", bool) | column("by_aim", bool),
        answered_N=np.array([row.violates is not None for row in rows], bool),
        violates_N=column("violates", bool),
        minutes=sum(row.minutes or 0.0 for row in rows),
        auditors=tuple(sorted({row.auditor for row in rows if row.violates is not None})),
    )
