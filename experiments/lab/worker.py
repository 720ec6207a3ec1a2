"""A unit of the lab's work: a span of cases through every arm, in this process or in a Ray worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agents.simulated.lanes import keep_memory
from experiments.lab.costs import Charges, squares
from experiments.lab.tally import METRICS, Flags, Tally
from hierarchy.arm import Arm
from hierarchy.latent.auditor import Auditor
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.crew import Crew, latent_crew
from hierarchy.latent.records import case_table, encoded, visit_table
from hierarchy.oversee import oversee

BLOCK = 32_768
Span = tuple[int, int]
"""(number of the first case, how many)."""
Records = Literal["none", "cases", "visits"]


@dataclass
class Discordance:
    """How often a metric held for arm a alone and for arm b alone, and for both, over n cases."""

    n: int = 0
    only_a: int = 0
    only_b: int = 0
    both: int = 0

    def count(self, a: NDArray[np.bool_], b: NDArray[np.bool_]) -> None:
        """Count a block."""
        together = int(np.count_nonzero(a & b))
        self.add(
            Discordance(len(a), int(np.count_nonzero(a)) - together, int(np.count_nonzero(b)) - together, together)
        )

    def add(self, other: Discordance) -> None:
        """Take over another's counts."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)


@dataclass
class Done:
    """What became of a span: a tally per arm; discordant counts per (a, b, metric); Parquet files by arm and kind;
    flags per case by arm, where they are asked for."""

    span: Span
    tallies: dict[str, Tally] = field(default_factory=dict)
    discordance: dict[tuple[str, str, str], Discordance] = field(default_factory=dict)
    parts: dict[tuple[str, str], bytes] = field(default_factory=dict)
    flags: dict[str, Flags] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """What a worker has to know: the arms with their auditors, the cases' share of override attempts, which
    records are kept, whether flags per case are told, and what the arms are charged where there are prices."""

    arms: tuple[Arm, ...]
    auditors: Mapping[str, Auditor]
    override: float = 0.0
    records: Records = "none"
    flags: bool = False
    charges: Mapping[str, Charges] = field(default_factory=dict)


class Worker:
    """Carries spans through the arms of a job, with whatever crews."""

    def __init__(self, job: Job, crew: Crew = latent_crew) -> None:
        keep_memory()
        self.job = job
        self.crews = {arm.name: crew(arm, job.auditors[arm.name]) for arm in job.arms}

    def __call__(self, span: Span) -> Done:
        """One span; every arm sees the same cases."""
        done, flags = Done(span), dict[str, Flags]()
        cases = LatentCases.numbered(*span, self.job.override)
        for arm in self.job.arms:
            block = LatentBlock(cases, arm.plan)
            oversee(block, arm.plan, self.crews[arm.name])
            tally = done.tallies[arm.name] = Tally()
            flags[arm.name] = tally.count(block)
            if arm.name in self.job.charges:
                cost = self.job.charges[arm.name].each(block)
                tally.cost, tally.cost_squared = int(cost.sum()), squares(cost)
            self._keep(done, arm, block)
        for a, b in combinations(flags, 2):
            for metric in METRICS:
                counts = done.discordance[a, b, metric] = Discordance()
                counts.count(flags[a][metric], flags[b][metric])
        if self.job.flags:
            done.flags = flags
        return done

    def _keep(self, done: Done, arm: Arm, block: LatentBlock) -> None:
        if self.job.records != "none":
            done.parts[arm.name, "cases"] = encoded(case_table(block))
        if self.job.records == "visits":
            done.parts[arm.name, "visits"] = encoded(visit_table(block))


def spans(first: int, size: int, block: int = BLOCK) -> list[Span]:
    """`size` cases from number `first` on, in blocks."""
    return [(at, min(block, first + size - at)) for at in range(first, first + size, block)]
