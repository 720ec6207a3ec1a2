"""Arms side by side on the same simulated cases: counts per arm, discordant counts per pair, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from experiments.lab.desk import auditor_of
from experiments.lab.tally import METRICS, Flags, Tally
from hierarchy.arm import Arm
from hierarchy.audit.auditors import AuditorSpec
from hierarchy.audit.labour import Waiting
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
    """What a simulation found: a tally per arm; discordant counts per (a, b, metric); how long cases waited for an
    auditor, by arm, where the auditor's spec says how fast they come."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    discordance: dict[tuple[str, str, str], Discordance] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)


def simulate(
    arms: Sequence[Arm],
    size: int,
    auditor: AuditorSpec | Mapping[str, AuditorSpec],
    progress: Progress = lambda done: None,
    block: int = BLOCK,
    first: int = 0,
    absent: Collection[str] = (),
    override: float = 0.0,
) -> Simulated:
    """`size` cases from number `first` on through every arm, on common random numbers, whatever the block size.

    A simulated auditor with a budget smaller than what reaches it decides the cases that come first by the step's
    priority; the others follow the graph's policy. Other auditors leave cases pending. `absent` are ids of reviewing
    steps that are not asked, `override` the share of prompts that try to override the rules. Raises InputError for a
    graph that cases without text cannot pass.
    """
    found = Simulated({arm.name: Tally() for arm in arms})
    people = auditor if isinstance(auditor, Mapping) else {arm.name: auditor for arm in arms}
    spans = [(at, min(block, first + size - at)) for at in range(first, first + size, block)]
    crews = {}
    for arm in arms:
        auditor_, waiting = auditor_of(arm, people[arm.name], spans, override, absent)
        crews[arm.name] = latent_crew(arm, auditor_, absent)
        if waiting is not None:
            found.waiting[arm.name] = waiting
    for at, count in spans:
        cases = LatentCases.numbered(at, count, override)
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
