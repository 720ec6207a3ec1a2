"""What a person at work needs beyond claiming and deciding: a case they know, a case they would rather not, how far on.

A gold case goes through all of this as a real one does, or an auditor could tell it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, Row, Select, bindparam, func, select

from agents.vocabulary import Verdict
from hierarchy.audit.claims import claim_of, held_by, lease
from hierarchy.audit.drafts import keep
from hierarchy.audit.errors import Conflict, LateAnswer, NotTheirs
from hierarchy.audit.find import free_for, item_at
from hierarchy.audit.records import GOLD, Claim, Item, ItemKey, Kind, State
from hierarchy.audit.rows import SEEN, WHOLE, decision_of, key_of, named
from hierarchy.audit.schema import DECISION, EVENT, ITEM, LEASE, SKIP
from hierarchy.audit.settle import standing
from hierarchy.audit.trail import Change, change
from hierarchy.audit.undo import undo
from hierarchy.database import insert, load, read

# Built once: to build a statement takes longer than to run it.
_RUN, _KIND = ITEM.c.run == bindparam("run"), ITEM.c.kind == bindparam("kind")
_OF = (ITEM.c.kind, ITEM.c.state)
_WAITING = ITEM.c.state.in_([State.OPEN.value, State.DISPUTED.value, GOLD])
_MINE = (DECISION.c.auditor == bindparam("auditor"), DECISION.c.undone.is_(False))
_WAITS = select(*_OF, func.count()).where(_RUN, _WAITING).group_by(*_OF)
_GIVEN = DECISION.join(ITEM, DECISION.c.item_id == ITEM.c.id)
_SEEN_OF_WAITS = select(*_OF, func.count()).select_from(_GIVEN).where(_RUN, _WAITING, *_MINE).group_by(*_OF)
_SKIPPED = (
    select(func.count())
    .select_from(SKIP.join(ITEM, SKIP.c.item_id == ITEM.c.id))
    .where(_RUN, _KIND, SKIP.c.auditor == bindparam("auditor"), ITEM.c.state.in_(bindparam("states", expanding=True)))
)
_DECIDED = select(func.count()).select_from(_GIVEN).where(_RUN, _KIND, *_MINE)
_LAST_MINUTES = (
    select(DECISION.c.minutes)
    .select_from(_GIVEN)
    .where(_RUN, _KIND, *_MINE, DECISION.c.minutes > 0)
    .order_by(DECISION.c.id.desc())
    .limit(20)
    .subquery()
)
_PACE = select(func.avg(_LAST_MINUTES.c.minutes))
_LAST = (
    select(DECISION.c.item_id, DECISION.c.verdict, ITEM.c.case_id, ITEM.c.kind)
    .select_from(_GIVEN)
    .where(_RUN, *_MINE)
    .order_by(DECISION.c.id.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Progress:
    """One auditor's: decisions given; items left for them (held by others or not), of which so many they skipped;
    minutes a decision took them on average, over the last 20 (None: nobody knows). `everywhere`: what is left for them
    of every kind, disputed or not. Gold cases are among it as long as a real one is: alone they are not given out."""

    decided: int
    left: int
    skipped: int
    pace: float | None
    everywhere: Mapping[tuple[Kind, bool], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Appealed:
    """Why a case waits again, and who asked for it."""

    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Last:
    """The decision an auditor gave last: under which claim's token, on what, and its verdict."""

    token: str
    case_id: str
    kind: Kind
    verdict: Verdict


@dataclass(frozen=True)
class Desk:
    """The work of a run's auditors, one at a time."""

    engine: Engine
    run: str

    def held_as(self, token: str, auditor: str, *, hidden: bool = False) -> Claim:
        """The claim of this token, live or over. Raises NotTheirs where nobody, or somebody else, was given it."""
        columns: tuple[Any, ...] = (LEASE.c.token, LEASE.c.fence.label("held_fence"), LEASE.c.expires_at)
        query: Select[Any] = select(*(WHOLE if hidden else SEEN), *columns).join(LEASE, LEASE.c.item_id == ITEM.c.id)
        mine = (ITEM.c.run == self.run, LEASE.c.token == token, LEASE.c.auditor == auditor)
        with read(self.engine) as connection:
            row = connection.execute(query.where(*mine)).first()
            if row is None:
                raise NotTheirs(f"this claim is not one of {auditor!r}; claim a case first")
            return claim_of(connection, row, auditor)

    def take_again(self, item: ItemKey, auditor: str, now: float, seconds: float, *, hidden: bool = False) -> Claim:
        """Lease this very case, after an earlier lease of it ended (or give the one that is live).

        Raises Conflict where somebody else has it or it is decided, LateAnswer where it is past due.
        """
        with change(self.engine, self.run) as made:
            return self._take(made, item_at(made.connection, self.run, item), auditor, now, seconds, hidden)

    def take_back(self, item: ItemKey, auditor: str, now: float, seconds: float, *, hidden: bool = False) -> Claim:
        """Undo the auditor's decision and lease the case to them at once, what they had decided as their draft.

        Raises what `undo` raises.
        """
        with change(self.engine, self.run) as made:
            row = item_at(made.connection, self.run, item)
            given = made.connection.execute(standing(row.id).where(DECISION.c.auditor == auditor)).first()
            undo(made, row, auditor, now)
            if given is not None:
                keep(made.connection, row.id, auditor, decision_of(given).to_dict(), now)
            return self._take(made, item_at(made.connection, self.run, item), auditor, now, seconds, hidden)

    def _take(self, made: Change, row: Row[Any], auditor: str, now: float, seconds: float, hidden: bool) -> Claim:
        connection = made.connection
        if row.due_at <= now:
            raise LateAnswer(f"{named(row)} was due at {row.due_at}; the policy for unreviewed cases answers it")
        live = connection.execute(held_by(self.run, auditor, now, hidden).where(ITEM.c.id == row.id)).first()
        if live is not None:
            return claim_of(connection, live, auditor)
        connection.execute(SKIP.delete().where(SKIP.c.item_id == row.id, SKIP.c.auditor == auditor))
        free = free_for(connection, self.run, key_of(row), auditor, now, Kind(row.kind), hidden)
        if free is None:
            raise Conflict(f"{named(row)} is held or decided by somebody else; claim another case")
        return lease(made, free, auditor, now, seconds)

    def skip(self, claim: Claim, now: float) -> None:
        """Give a case back undecided, and be given it no more. Raises LateAnswer where the claim is over."""
        with change(self.engine, self.run) as made:
            row = item_at(made.connection, self.run, claim.item.key)
            live = (LEASE.c.token == claim.token, LEASE.c.auditor == claim.auditor, LEASE.c.ended.is_(False))
            if not made.connection.execute(LEASE.update().where(*live).values(ended=True)).rowcount:
                raise LateAnswer(f"{named(row)}: the claim of {claim.auditor!r} is over; claim it again")
            passed = {"item_id": row.id, "auditor": claim.auditor}
            made.connection.execute(insert(made.connection, SKIP).on_conflict_do_nothing(), passed)
            made.note("skip", now, row.id, auditor=claim.auditor, fence=claim.fence)

    def bring_back(self, auditor: str, now: float) -> int:
        """Be given again what was skipped; returns how many cases."""
        ours = select(ITEM.c.id).where(ITEM.c.run == self.run)
        with change(self.engine, self.run) as made:
            gone = SKIP.delete().where(SKIP.c.auditor == auditor, SKIP.c.item_id.in_(ours))
            count = made.connection.execute(gone).rowcount
            if count:
                made.note("bring back", now, None, auditor=auditor, count=count)
            return count

    def progress(self, auditor: str, kind: Kind = Kind.CASE, *, disputed: bool = False) -> Progress:
        """How far the auditor is with the items of a kind, or with those in dispute."""
        states = [State.DISPUTED.value] if disputed else [State.OPEN.value, GOLD]
        values = {"run": self.run, "auditor": auditor, "kind": kind.value, "states": states}
        left = {(one, disputes): 0 for one in Kind for disputes in (False, True)}
        gold = 0
        with read(self.engine) as connection:
            for sign, query in ((1, _WAITS), (-1, _SEEN_OF_WAITS)):
                for of, state, count in connection.execute(query, values):
                    gold += sign * count * (state == GOLD)
                    left[Kind(of), state == State.DISPUTED] += sign * count * (state != GOLD)
            skipped = connection.execute(_SKIPPED, values).scalar_one()
            decided = connection.execute(_DECIDED, values).scalar_one()
            pace = connection.execute(_PACE, values).scalar_one()
        left[Kind.CASE, False] += gold if left[Kind.CASE, False] else 0
        return Progress(decided, left[kind, disputed], skipped, pace, left)

    def last(self, auditor: str) -> Last | None:
        """What the auditor decided last and has not undone; None where that is nothing, or was not under a claim."""
        with read(self.engine) as connection:
            row = connection.execute(_LAST, {"run": self.run, "auditor": auditor}).first()
            if row is None:
                return None
            leases = select(LEASE.c.token).where(LEASE.c.item_id == row.item_id, LEASE.c.auditor == auditor)
            token = connection.execute(leases.order_by(LEASE.c.fence.desc()).limit(1)).scalar_one_or_none()
        return None if token is None else Last(token, row.case_id, Kind(row.kind), Verdict(row.verdict))

    def took_part(self, case_id: str, auditor: str, arm: str | None = None) -> bool:
        """Whether a decision of this auditor on the case (in this arm) stands, gold or not."""
        where = [ITEM.c.run == self.run, ITEM.c.case_id == case_id, ITEM.c.kind == Kind.CASE.value]
        where += [DECISION.c.auditor == auditor, DECISION.c.undone.is_(False)]
        where += [ITEM.c.arm == arm] if arm is not None else []
        with read(self.engine) as connection:
            query = select(DECISION.c.id).select_from(_GIVEN).where(*where).limit(1)
            return connection.execute(query).first() is not None

    def appealed(self, item: Item) -> Appealed | None:
        """Why an item of a later epoch waits; None for one of the first."""
        if item.epoch == 0:
            return None
        where = (ITEM.c.run == self.run, ITEM.c.arm == item.arm, ITEM.c.case_id == item.case_id)
        before = (ITEM.c.step == item.step, ITEM.c.epoch == item.epoch - 1, EVENT.c.kind == "reopen")
        query = select(EVENT.c.body).join(ITEM, EVENT.c.item_id == ITEM.c.id).where(*where, *before)
        with read(self.engine) as connection:
            body = connection.execute(query).scalar_one_or_none()
        said = {} if body is None else load(body)
        return Appealed(said.get("reason", ""), said.get("by", "")) if said else None
