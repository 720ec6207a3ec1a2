"""The value of a coalition of overseers: the arm is run with the others not asked, on the same cases and draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.records import Case
from agents.view import Cases
from constitutions.constitution import load_constitution
from constitutions.errors import InputError
from experiments.config import ExperimentSpec
from experiments.credit.shapley import Floats, Value
from experiments.folder import RunFolder
from experiments.lab.simulate import simulate
from experiments.scoring import mark_final
from experiments.stages.overseeing import Overseer
from experiments.terminal.progress import Progress
from hierarchy.absent import leave_out, reviewing
from hierarchy.arm import Arm
from hierarchy.audit.auditors import AuditorSpec
from hierarchy.audit.queue import AuditQueue
from hierarchy.executor import Executor
from hierarchy.journal import Journal
from hierarchy.latent.crew import latent_crew
from hierarchy.records import escalated

ESCALATED = "escalated"
"""The metric that needs no truth: whether the case went to the human queue."""


def without(arm: Arm, asked: frozenset[str]) -> Arm:
    """The arm with every reviewer outside `asked` left out."""
    return replace(arm, plan=leave_out(arm.plan, [one for one in reviewing(arm.plan) if one not in asked]))


def passes_in_words(arm: Arm) -> bool:
    """Whether cases without text can pass the arm's graph in the lab's engine."""
    try:
        latent_crew(arm)
    except InputError:
        return False
    return True


def simulated_value(arm: Arm, metric: str, size: int, auditor: AuditorSpec) -> Value:
    """The value of coalitions on `size` cases without text, by one of `experiments.lab.tally.METRICS`."""

    def value(asked: frozenset[str]) -> Floats:
        parts: list[NDArray[np.bool_]] = []
        simulate([without(arm, asked)], size, auditor, listen=lambda name, flags: parts.append(flags[metric]))
        return np.concatenate(parts).astype(np.float64)

    return value


@dataclass
class Overseen:
    """The value of coalitions by the ordinary run: executor, journal, audit queue and, but for `escalated`, an oracle.

    Coalitions share the journal, so that an agent asked the same thing again answers from it: critics that read nobody
    else are asked once for all coalitions.
    """

    spec: ExperimentSpec
    arm: Arm
    metric: str
    cases: Cases
    records: Sequence[Case]
    executor: Executor
    folder: Path
    progress: Progress

    def __call__(self, asked: frozenset[str]) -> Floats:
        """The metric per case that it counts, with only these reviewers asked."""
        name = f"{self.arm.name} with {', '.join(sorted(asked)) or 'nobody'}"
        arms = {**self.spec.arms, name: self.spec.arms[self.arm.name]}
        spec = self.spec.model_copy(update={"arms": arms})
        with (
            Journal.open(self.folder / "journal.sqlite") as journal,
            AuditQueue.open(self.folder / "audit.sqlite", self.spec.name, seed=self.spec.seed) as queue,
        ):
            overseer = Overseer(spec, RunFolder(self.folder), journal, queue, self.executor, self.progress)
            block = overseer.oversee(replace(without(self.arm, asked), name=name), self.cases, self.records, name)
        if self.metric == ESCALATED:
            return np.asarray(escalated(block), dtype=np.float64)
        marks = mark_final(block, self.records, load_constitution(self.spec.constitution))
        return marks.counted(self.metric).astype(np.float64)
