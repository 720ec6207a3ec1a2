"""Arms side by side on the same simulated cases: counts per arm, discordant counts per pair, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from agents import rng
from agents.simulated.lanes import keep_memory
from experiments.lab.tally import METRICS, Flags, Tally
from hierarchy.arm import Arm
from hierarchy.audit.auditors import AuditorSpec, SimulatedAuditorSpec
from hierarchy.latent.auditor import Auditor
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.crew import latent_crew
from hierarchy.oversee import oversee

BLOCK = 32_768
Progress = Callable[[int], None]


@dataclass
class Discordance:
    """How often a metric held for arm a alone and for arm b alone, and for both, over n cases."""

    n: int = 0
    only_a: int = 0
    only_b: int = 0
    both: int = 0

    def add(self, a: np.ndarray, b: np.ndarray) -> None:
        """Count a block."""
        together = int(np.count_nonzero(a & b))
        self.n += len(a)
        self.only_a += int(np.count_nonzero(a)) - together
        self.only_b += int(np.count_nonzero(b)) - together
        self.both += together


@dataclass
class Simulated:
    """What a simulation found: a tally per arm; discordant counts per (a, b, metric)."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    discordance: dict[tuple[str, str, str], Discordance] = field(default_factory=dict)


def simulate(
    arms: Sequence[Arm],
    size: int,
    auditor: AuditorSpec | Mapping[str, AuditorSpec],
    progress: Progress = lambda done: None,
    block: int = BLOCK,
    first: int = 0,
    absent: Collection[str] = (),
) -> Simulated:
    """`size` cases from number `first` on through every arm, on common random numbers, whatever the block size.

    A simulated auditor with a budget smaller than what reaches it decides the cases that come first in an order keyed
    by the case's hash; the others follow the graph's policy. Other auditors leave cases pending.
    `absent` are ids of reviewing steps that are not asked. Raises InputError for a graph that cases without text cannot
    pass.
    """
    keep_memory()
    found = Simulated({arm.name: Tally() for arm in arms})
    people = auditor if isinstance(auditor, Mapping) else {arm.name: auditor for arm in arms}
    spans = [(at, min(block, first + size - at)) for at in range(first, first + size, block)]
    crews = {arm.name: latent_crew(arm, _auditor(arm, people[arm.name], size, spans, absent), absent) for arm in arms}
    for at, count in spans:
        cases = LatentCases.numbered(at, count)
        flags: dict[str, Flags] = {}
        for arm in arms:
            one = LatentBlock(cases, arm.plan)
            oversee(one, arm.plan, crews[arm.name])
            flags[arm.name] = found.tallies[arm.name].add(one)
        for a, b in combinations(flags, 2):
            for metric in METRICS:
                found.discordance.setdefault((a, b, metric), Discordance()).add(flags[a][metric], flags[b][metric])
        progress(at + count - first)
    return found


def _auditor(
    arm: Arm, spec: AuditorSpec, size: int, spans: Sequence[tuple[int, int]], absent: Collection[str]
) -> Auditor:
    """The arm's auditor; with a budget, the window of cases that are within it."""
    places = arm.plan.places
    if not isinstance(spec, SimulatedAuditorSpec):
        return Auditor.absent(places)
    window = None if spec.budget >= size else _within_budget(arm, spec, spans, absent)
    return Auditor(places, arm.seed, spec.name, spec.sensitivity, spec.specificity, spec.minutes, spec.revises, window)


def _within_budget(
    arm: Arm, spec: SimulatedAuditorSpec, spans: Sequence[tuple[int, int]], absent: Collection[str]
) -> np.ndarray | None:
    """Numbers of the cases that the budget reaches, sorted; None where it reaches all that come.

    Who comes to the auditor does not depend on the auditor (a case is parked once), so a first pass finds them.
    """
    crew = latent_crew(arm, Auditor.absent(arm.plan.places), absent)
    parked = []
    for at, count in spans:
        one = LatentBlock(LatentCases.numbered(at, count), arm.plan)
        oversee(one, arm.plan, crew)
        parked += [one.cases.number.take(rows.at) for rows in one.waiting.values()]
    numbers = np.concatenate(parked) if parked else np.zeros(0, np.uint64)
    if len(numbers) <= spec.budget:
        return None
    order = np.argsort(rng.fold(rng.key("audit order", arm.seed), rng.numbered(numbers)), kind="stable")
    return np.sort(numbers[order[: spec.budget]])
