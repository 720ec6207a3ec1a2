"""Executors: carry an arm's cases through its plan, in this process. `hierarchy.ray_executor` does the same on Ray.

Executor (local or ray) times schedule (shards: a worker runs the whole plan on its blocks; roles: an actor per agent).
All four leave the same rows in the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from agents.view import Cases
from agents.vocabulary import Role
from hierarchy.arm import Arm, inline
from hierarchy.batch import Batch
from hierarchy.block import Block
from hierarchy.flow import Ints
from hierarchy.journal import Journal
from hierarchy.memory import Memory
from hierarchy.oversee import Performer, oversee
from hierarchy.plan import PlannedStep
from hierarchy.recall import Commit, Nobody
from hierarchy.roles import LocalDesk, RoleSchedule
from hierarchy.windows import whole_windows

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Writer:
    """The run's only writer: commits rows to the journal. `ended` is told how many cases have come to a halt so far."""

    journal: Journal
    ended: Progress

    def commit(self, batch: Batch) -> None:
        """One batch, one commit."""
        self.journal.record([batch])

    @contextmanager
    def together(self, costly: frozenset[str]) -> Iterator[Commit]:
        """One commit for the batches of a block, at its end; at once after a costly step (named by its instance)."""
        held: list[Batch] = []

        def commit(batch: Batch) -> None:
            held.append(batch)
            if batch.step in costly:
                self.journal.record(held)
                held.clear()

        try:
            yield commit
        finally:
            self.journal.record(held)

    def memory(self, cases: Cases) -> Memory:
        """What the journal knows of these cases."""
        return Memory(self.journal.known(cases.case_id_N.tolist()))


class Executor(Protocol):
    """Carries every case of an arm as far as it goes without a human."""

    def run(self, arm: Arm, cases: Cases, writer: Writer) -> None:
        """Fill the journal."""
        ...


@dataclass(frozen=True)
class LocalShards:
    """Blocks of cases, one after another, in this process."""

    block: int

    def run(self, arm: Arm, cases: Cases, writer: Writer) -> None:
        """Every block through the whole plan."""
        performers = arm.performers()
        for rows in blocks(len(cases), whole_windows(self.block, len(cases), arm.plan)):
            part = cases.take(rows)
            with writer.together(arm.costly()) as commit:
                oversee(Block(part, arm.plan), arm.plan, arm.recalls(performers, writer.memory(part), commit))
            writer.ended(int(rows[-1]) + 1)


@dataclass(frozen=True)
class LocalRoles:
    """One queue per agent, in this process."""

    batch: int

    def run(self, arm: Arm, cases: Cases, writer: Writer) -> None:
        """Every case as far as it goes."""
        agents = {name: arm.agent(name) for name in arm.used()}
        crew = arm.recalls(bystander, writer.memory(cases), writer.commit)
        RoleSchedule(Block(cases, arm.plan), crew, LocalDesk(agents.__getitem__), self.batch).run(writer.ended)


def bystander(step: PlannedStep) -> Performer:
    """The performer of steps that need no agent; for the others, whose batches a desk carries out, one never to ask."""
    return inline(step) or Nobody(strict=True)


def blocks(count: int, size: int) -> Iterator[Ints]:
    """Row indices of consecutive blocks."""
    for first in range(0, count, size):
        yield np.arange(first, min(first + size, count))


def read_back(arm: Arm, cases: Cases, journal: Journal) -> Block:
    """The arm's cases as the journal has them, nothing computed. Raises NotRecorded where a row is absent."""
    return recalled(arm, cases, Memory(journal.known(cases.case_id_N.tolist())))


def recalled(arm: Arm, cases: Cases, memory: Memory) -> Block:
    """The arm's cases as remembered, which need be no whole windows. Raises NotRecorded likewise."""

    def performer(step: PlannedStep) -> Nobody:
        return Nobody(strict=step.role is not Role.AUDITOR)

    crew = arm.recalls(performer, memory, _nothing)
    block = Block(cases, arm.plan)
    oversee(block, arm.plan, crew)
    return block


def _nothing(batch: Batch) -> None:
    raise AssertionError(f"reading back wrote {len(batch)} rows")
