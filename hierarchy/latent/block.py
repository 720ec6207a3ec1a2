"""A block of cases without text: words of bits on their way through a plan.

Which cases come to a step is a sorted array of row numbers, and what a step said is kept for those rows only. Steps
that all of a step's cases go on to are given the very same array, so that nothing has to be looked up between them.
"""

from __future__ import annotations

from functools import cached_property, reduce
from operator import or_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.simulated.draws import Revision, Seen
from agents.simulated.lanes import Words, word_type
from agents.vocabulary import RESPONDERS, CaseOutcome, Role, Verdict
from hierarchy.flow import Bools, Ints, edges_taken
from hierarchy.graph import SINK_OUTCOME, Sink
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.conditions import holds
from hierarchy.latent.said import Choice, Decision, Response, Review, Said
from hierarchy.latent.view import LatentView
from hierarchy.plan import Plan, PlannedEdge, PlannedStep, Source

_RELEASED, _REVISED = np.int8(CaseOutcome.RELEASED), np.int8(CaseOutcome.REVISED)
_MOVING = (*RESPONDERS, Role.JUDGE, Role.AUDITOR)
Heard = list[tuple[Bools | None, Review]]


class LatentBlock:
    """N cases without text.

    Attributes:
        cases, plan: the cases and the compiled graph.
        rows, said: which rows each step has spoken on, and what it said, by step index.
        taken: which rows took each edge, by edge index.
        waiting: rows that are parked, by the index of the auditor's step they wait at.
    """

    def __init__(self, cases: LatentCases, plan: Plan) -> None:
        self.cases, self.plan, self.count = cases, plan, len(cases)
        self.rows: dict[int, Ints] = {}
        self.said: dict[int, Said] = {}
        self.taken: dict[int, Ints] = {}
        self.waiting: dict[int, Ints] = {}
        self._seen: list[tuple[Ints, Seen]] = [(self.everybody, Seen(cases.key_n, cases.level_n, cases.override_n))]
        self._places: dict[int, Ints] = {}

    def __len__(self) -> int:
        return self.count

    @cached_property
    def everybody(self) -> Ints:
        """All rows."""
        return np.arange(self.count)

    def arrivals(self, step: PlannedStep) -> Ints:
        """Which cases have reached the step: enough of its in-edges were taken (every case reaches a first step)."""
        if not step.ins:
            return self.everybody
        came = [self.taken[index] for index in step.ins if index in self.taken]
        if len(came) < step.quorum:
            return self.everybody[:0]
        if all(rows is came[0] for rows in came):
            return came[0]
        counts = np.zeros(self.count, np.uint16)
        for rows in came:
            counts[rows] += 1
        return np.flatnonzero(counts >= step.quorum)

    def view(self, step: PlannedStep, rows: Ints) -> LatentView:
        """What the step may see of the rows."""
        return LatentView(self, step, rows)

    def record(self, step: PlannedStep, rows: Ints, said: Said) -> None:
        """Keep what a step said about the rows and send them on. A row an auditor has not decided is parked."""
        policy = None
        if isinstance(said, Decision):
            rows, said = self._decided(step, rows, said)
            policy = said.policy
        if not len(rows):
            return
        self.rows[step.index], self.said[step.index] = rows, said
        verdict = None if said.plain else said.verdict
        edges = [self.plan.edges[index] for index in step.outs]
        exclusive = step.step.route == "exclusive"

        def condition(edge: PlannedEdge) -> Bools:
            assert edge.when is not None
            return holds(edge.when, lambda name: self._column(step, said, name))

        for index, mask in zip(
            step.outs, edges_taken(edges, len(rows), exclusive, verdict, policy, condition), strict=True
        ):
            gone = rows if mask is None else rows.compress(mask)
            if len(gone):
                self.taken[index] = gone

    def _decided(self, step: PlannedStep, rows: Ints, said: Decision) -> tuple[Ints, Decision]:
        decided = (said.verdict != Verdict.MISSING) | said.policy
        if decided.all():
            return rows, said
        self.waiting[step.index] = rows.compress(~decided)
        return rows.compress(decided), said.take(np.flatnonzero(decided))

    def _column(self, step: PlannedStep, said: Said, name: str) -> NDArray[Any]:
        if name == "round":
            return np.full(len(said.verdict), step.round)
        if name == "case.tags":
            return self.cases.tags.take(self.rows[step.index])
        if name.startswith("case."):
            return np.full(len(said.verdict), "", object)
        return said.column(name)

    # -- what was said, for the rows that ask ----------------------------------------------------------------------

    def seen(self, rows: Ints) -> Seen:
        """Keys and levels of the rows, with what relatives share; kept, because several steps see the same rows."""
        for known, seen in self._seen:
            if known is rows:
                return seen
        seen = self.cases.seen(rows)
        self._seen = [self._seen[0], (rows, seen)]
        return seen

    def where(self, index: int, rows: Ints) -> tuple[Bools | None, Ints | None] | None:
        """Where the rows are among those that step has spoken on: (which of them it has, None for all; their places,
        None where they are the same rows, 0 where it has not). None where it has spoken on none of them."""
        own = self.rows.get(index)
        if own is None or own is rows:
            return None if own is None else (None, None)
        if own is self.everybody:
            return None, rows
        place = self._places.get(index)
        if place is None:
            place = self._places[index] = np.full(self.count, -1)
            place[own] = np.arange(len(own))
        places = place.take(rows)
        ran = places >= 0
        count = np.count_nonzero(ran)
        if count == len(rows):
            return None, places
        return (ran, np.maximum(places, 0)) if count else None

    def response(self, responses: tuple[int, ...], rows: Ints) -> tuple[Words, Revision]:
        """The case's own response after the given steps: (words [n], revision)."""
        word: Words | None = None
        revision: Revision = 0
        open_: Bools | None = None  # rows whose response is still looked for; None for all
        for index in reversed(responses):
            found = self._moved(index, rows)
            if found is None:
                continue
            moved, new_word, new_revision = found
            if word is None and moved is None:
                return new_word, new_revision
            here = open_ if moved is None else moved if open_ is None else open_ & moved
            assert here is not None
            if word is None:
                word, revision = np.zeros(len(rows), word_type(self.plan.places)), np.zeros(len(rows), np.int64)
            word, revision = np.where(here, new_word, word), np.where(here, new_revision, revision)
            if moved is None:
                return word, revision
            open_ = ~moved if open_ is None else open_ & ~moved
        return (np.zeros(len(rows), word_type(self.plan.places)), 0) if word is None else (word, revision)

    def _moved(self, index: int, rows: Ints) -> tuple[Bools | None, Words, Revision] | None:
        """(which rows' response this step set, None for all; to what words; of which revision)."""
        found = self.where(index, rows)
        if found is None:
            return None
        ran, places = found
        said = self.said[index] if places is None else self.said[index].take(places)
        if isinstance(said, Response):
            return ran, said.word, said.revision
        if isinstance(said, Decision):
            revised = np.asarray(said.verdict == Verdict.REVISE)
            return revised if ran is None else revised & ran, said.word, said.revision
        assert isinstance(said, Choice)
        return self._chosen(self.plan.steps[index], rows, ran, said)

    def _chosen(
        self, step: PlannedStep, rows: Ints, ran: Bools | None, said: Choice
    ) -> tuple[Bools, Words, NDArray[np.int64]]:
        word, revision = np.zeros(len(rows), word_type(self.plan.places)), np.zeros(len(rows), np.int64)
        for i, option in enumerate(step.options):
            mine = said.chosen == i
            if mine.any():
                option_word, option_revision = self.response(option.instances, rows)
                word, revision = np.where(mine, option_word, word), np.where(mine, option_revision, revision)
        chose = np.asarray(said.chosen >= 0)
        return chose if ran is None else chose & ran, word, revision

    def heard(self, source: Source, rows: Ints) -> tuple[Bools | None, Heard]:
        """A reviewing step's instances that ran: (rows that some of them answered, None for all; [(rows it answered,
        None for all; what it said)], oldest first)."""
        found: Heard = []
        for index in source.instances:
            where = self.where(index, rows)
            said = self.said.get(index)
            if where is not None and isinstance(said, Review):
                ran, places = where
                found.append((ran, said if places is None else said.take(places)))
        if any(ran is None for ran, _ in found):
            return None, found
        return reduce(or_, [ran for ran, _ in found if ran is not None], np.zeros(len(rows), bool)), found

    # -- ends ------------------------------------------------------------------------------------------------------

    @cached_property
    def moving(self) -> tuple[int, ...]:
        """Steps that can set a case's response, in plan order."""
        return tuple(step.index for step in self.plan.steps if step.role in _MOVING)

    def final(self) -> tuple[Words, Revision]:
        """Each case's last response."""
        return self.response(self.moving, self.everybody)

    def outcomes(self) -> NDArray[np.int8]:
        """How each case ended (`CaseOutcome` codes, [N]); pending where it waits or where nothing led on."""
        outcome = np.full(self.count, CaseOutcome.PENDING, np.int8)
        for sink in Sink:
            for index in self.plan.into(sink):
                rows = self.taken.get(index)
                if rows is None:
                    continue
                if sink is Sink.RELEASE:
                    source = self.plan.edges[index].source
                    _, revision = self.response(tuple(s for s in self.moving if s <= source), rows)
                    outcome[rows] = np.where(np.asarray(revision) > 0, _REVISED, _RELEASED)
                else:
                    outcome[rows] = SINK_OUTCOME[sink]
        return outcome

    def ran(self) -> Bools:
        """Which steps have spoken on which cases, [S, N]."""
        return self._masks(len(self.plan.steps), self.rows)

    def fired(self) -> Bools:
        """Which edges were taken by which cases, [E, N]."""
        return self._masks(len(self.plan.edges), self.taken)

    def parked(self) -> Ints:
        """Index of the auditor's step that each case waits at, [N]; -1 elsewhere."""
        out = np.full(self.count, -1)
        for index, rows in self.waiting.items():
            out[rows] = index
        return out

    def _masks(self, size: int, rows: dict[int, Ints]) -> Bools:
        out = np.zeros((size, self.count), bool)
        for index, here in rows.items():
            out[index, here] = True
        return out
