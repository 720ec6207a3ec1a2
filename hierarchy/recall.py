"""Recall: what the journal already knows is not computed again; what is new is handed to the writer.

The same wrapper serves a first run (nothing known), a resume after a crash, a case that comes back from a human, and
the reading back of a finished run (everything known).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.columns import Output
from agents.view import View
from agents.vocabulary import Role
from constitutions.errors import OversightError
from hierarchy.batch import Batch
from hierarchy.memory import Memory
from hierarchy.oversee import Performer
from hierarchy.plan import PlannedStep
from hierarchy.rules import TopShare

Ints = NDArray[np.int64]
Commit = Callable[[Batch], None]


class NotRecorded(OversightError):
    """A row was asked of a finished run that its journal does not hold."""


@dataclass(frozen=True)
class Nobody:
    """The performer of steps that are only read back, and of auditors' steps: it never answers."""

    strict: bool

    def act(self, view: View) -> Output:
        """Missing for every row, or NotRecorded when strict."""
        if self.strict:
            raise NotRecorded(f"the journal holds no {view.role} row for case {view.cases.case_id_N[0]!r}")
        return Output.of(view.role, len(view), view.width)


@dataclass(frozen=True)
class Recall:
    """A performer of one step that asks the memory first and commits what it computed."""

    arm: str
    step: PlannedStep
    performer: Performer
    fingerprint: rng.Keys
    memory: Memory
    commit: Commit

    def act(self, view: View) -> Output:
        """Recalled rows as they were, new rows as computed; all in the view's order."""
        hashes = view.hashes(self.fingerprint)
        known, fresh = self.recall(view, hashes)
        if not len(fresh):
            return known
        # Who escalates depends on the whole window, also on the cases that are known.
        whole = len(fresh) == len(view) or isinstance(self.step.step.rule, TopShare)
        said = self.performer.act(view if whole else view.take(fresh))
        computed = said.take(fresh) if whole and len(fresh) < len(view) else said
        self.keep(view, hashes, fresh, computed)
        return merge(known, fresh, computed)

    def recall(self, view: View, hashes: rng.Keys) -> tuple[Output, Ints]:
        """(output with the known rows filled in, indices of the rows that are not known)."""
        have, said = self.memory.find(self.arm, self.step.name, view.cases.case_id_N, hashes)
        if said is not None and len(have) == len(view):
            return said, np.empty(0, np.int64)
        blank = Output.of(view.role, len(view), view.width)
        if said is None:
            return blank, np.arange(len(view))
        unknown = np.ones(len(view), bool)
        unknown[have] = False
        return merge(blank, have, said), np.flatnonzero(unknown)

    def keep(self, view: View, hashes: rng.Keys, fresh: Ints, computed: Output) -> None:
        """Hand the new rows to the writer. An auditor's absence is no row."""
        if view.role is Role.AUDITOR:
            return
        batch = Batch(self.arm, self.step.name, view.cases.case_id_N[fresh], hashes[fresh], computed)
        self.commit(batch)
        self.memory.add(batch)


def merge(into: Output, rows: Ints, part: Output) -> Output:
    """`into` with the given rows replaced by `part`."""
    if len(rows) == len(into):
        return part
    columns = {name: column.copy() for name, column in into.columns.items()}
    for name, column in columns.items():
        column[rows] = part[name]
    return Output(into.role, columns)


def step_fingerprint(step: PlannedStep, agent: rng.Keys) -> rng.Keys:
    """What an output depends on besides the view's rows: the agent, the step's declaration, its principles."""
    # Not the step's name or its place in the graph: two arms that ask one agent the same thing get one answer.
    fields = {"role", "candidates", "sample", "side", "labels", "members", "rule"}
    declaration = step.step.model_dump_json(include=fields)
    return rng.fold(agent, rng.key(declaration, step.constitution.model_dump_json()))
