"""A block of cases without text: words of bits on their way through a plan.

What a step said is kept for the rows that came to it only. Steps that all of a step's cases go on to are given the very
same rows, so that nothing has to be looked up between them; rows that are picked from others know from where.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray

from agents.simulated.lanes import Words
from agents.simulated.streams import Revision, Seen
from agents.vocabulary import CaseOutcome, Verdict
from hierarchy.flow import Bools, Ints, edges_taken
from hierarchy.graph import SINK_OUTCOME, Sink
from hierarchy.latent.answers import Answers
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.conditions import holds
from hierarchy.latent.review import Review
from hierarchy.latent.rows import Place, Rows
from hierarchy.latent.said import Column, Decision, Said
from hierarchy.latent.view import LatentView
from hierarchy.plan import Plan, PlannedEdge, PlannedStep, Source

_RELEASED, _REVISED = np.int8(CaseOutcome.RELEASED), np.int8(CaseOutcome.REVISED)
Heard = list[tuple[Bools | None, Review]]


class LatentBlock:
    """N cases without text.

    Attributes:
        cases, plan: the cases and the compiled graph.
        everybody: all rows.
        rows, said: which rows each step has spoken on, and what it said, by step index.
        taken: which rows took each edge, by edge index.
        waiting: rows that are parked, by the index of the auditor's step they wait at.
        answers: finds the cases' own responses.
    """

    def __init__(self, cases: LatentCases, plan: Plan) -> None:
        self.cases, self.plan, self.count = cases, plan, len(cases)
        self.everybody = Rows(self.count)
        self.rows: dict[int, Rows] = {}
        self.said: dict[int, Said] = {}
        self.taken: dict[int, Rows] = {}
        self.waiting: dict[int, Rows] = {}
        self.answers = Answers(plan, self.count, self.rows, self.said)
        self._seen = (self.everybody, Seen(cases.key_n, cases.level_n, cases.override_n))

    def __len__(self) -> int:
        return self.count

    def arrivals(self, step: PlannedStep) -> Rows:
        """Which cases have reached the step: enough of its in-edges were taken (every case reaches a first step)."""
        if not step.ins:
            return self.everybody
        came = [self.taken[index] for index in step.ins if index in self.taken]
        if len(came) < step.quorum:
            return Rows(0)
        if all(rows is came[0] for rows in came):
            return came[0]
        if step.quorum == 1:
            return self.everybody.any_of(list(dict.fromkeys(came)))
        counts = np.zeros(self.count, np.uint16)
        for rows in came:
            counts[rows.at] += 1
        return self.everybody.where(counts >= step.quorum)

    def view(self, step: PlannedStep, rows: Rows) -> LatentView:
        """What the step may see of the rows."""
        return LatentView(self, step, rows)

    def record(self, step: PlannedStep, rows: Rows, said: Said) -> None:
        """Keep what a step said about the rows and send them on. A row an auditor has not decided is parked."""
        policy = None
        if isinstance(said, Decision):
            rows, said = self._decided(step, rows, said)
            policy = said.policy
        if not len(rows):
            return
        self.rows[step.index], self.said[step.index] = rows, said
        verdict = None if said.plain else said.verdict
        edges = self.plan.ways[step.index]
        exclusive = step.step.route == "exclusive"

        def condition(edge: PlannedEdge) -> Bools:
            assert edge.when is not None
            return holds(edge.when, said, lambda name: self._column(step, said, name))

        for index, mask in zip(step.outs, edges_taken(edges, exclusive, verdict, policy, condition), strict=True):
            if mask is not False:
                gone = rows if mask is True else rows.where(mask, step.index if exclusive else None)
                if len(gone):
                    self.taken[index] = gone

    def _decided(self, step: PlannedStep, rows: Rows, said: Decision) -> tuple[Rows, Decision]:
        decided = said.verdict != Verdict.MISSING
        if said.policy is not None:
            decided |= said.policy
        known = rows.where(decided)
        if known is rows:
            return rows, said
        self.waiting[step.index] = rows.where(~decided)
        return known, said.take(known.picked)

    def _column(self, step: PlannedStep, said: Said, name: str) -> Column:
        if name == "round":
            return np.full(len(said.verdict), step.round)
        if name == "case.tags":
            return np.asarray(self.cases.tags.take(self.rows[step.index].at))
        if name.startswith("case."):
            return np.full(len(said.verdict), "", object)
        return said.column(name)

    # -- what was said, for the rows that ask ----------------------------------------------------------------------

    def seen(self, rows: Rows) -> Seen:
        """Keys and levels of the rows, with what relatives share; kept while steps see the same rows."""
        if self._seen[0] is not rows:
            self._seen = rows, self.cases.seen(rows.at)
        return self._seen[1]

    def where(self, index: int, rows: Rows) -> Place | None:
        """Where the rows are among those that step has spoken on (see `Rows.among`); None where it has on none."""
        own = self.rows.get(index)
        return None if own is None else rows.among(own, self.count)

    def response(self, steps: tuple[int, ...], rows: Rows) -> tuple[Words, Revision]:
        """The case's own response after the given steps: (words [n], revision)."""
        return self.answers.of(steps, rows)

    def heard(self, source: Source, rows: Rows) -> tuple[Bools | None, Heard]:
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

    def final(self) -> tuple[Words, Revision]:
        """Each case's last response."""
        return self.response(self.plan.moving, self.everybody)

    def outcomes(self) -> NDArray[np.int8]:
        """How each case ended (`CaseOutcome` codes, [N]); pending where it waits or where nothing led on."""
        outcome = np.full(self.count, CaseOutcome.PENDING, np.int8)
        for index, sink, steps in self.plan.ends:
            rows = self.taken.get(index)
            if rows is not None:
                rows.mark(outcome, self._end(steps, rows) if sink is Sink.RELEASE else np.int8(SINK_OUTCOME[sink]))
        return outcome

    def _end(self, steps: tuple[int, ...], rows: Rows) -> np.int8 | NDArray[np.int8]:
        """Released or revised: how released cases end whose response one of these steps set."""
        revision = self.answers.revision(steps, rows)
        if isinstance(revision, int):
            return _REVISED if revision else _RELEASED
        return _RELEASED + (revision > 0).view(np.int8) * (_REVISED - _RELEASED)

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
            out[rows.at] = index
        return out

    def _masks(self, size: int, rows: dict[int, Rows]) -> Bools:
        out = np.zeros((size, self.count), bool)
        for index, here in rows.items():
            out[index, here.at] = True
        return out
