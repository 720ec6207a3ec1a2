"""Who decides what in a simulated arm: the auditor's roster, and how long cases wait for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from agents import rng
from hierarchy.arm import Arm
from hierarchy.audit.auditors import AuditorSpec, SimulatedAuditorSpec
from hierarchy.audit.labour import TICKS, Waiting, gaps, service_minutes, waits
from hierarchy.latent.auditor import Auditor, in_order, priority
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.crew import latent_crew
from hierarchy.oversee import oversee

Spans = Sequence[tuple[int, int]]


def auditor_of(
    arm: Arm, spec: AuditorSpec, spans: Spans, override: float, absent: Collection[str]
) -> tuple[Auditor, Waiting | None]:
    """The arm's auditor, and how long cases waited for it where the spec says how fast they come.

    Who comes to the auditor does not depend on the auditor (a case is parked once), so a first pass finds them; it is
    left out where every case could be decided and it does not matter when.
    """
    places, size = arm.plan.places, sum(count for _, count in spans)
    if not isinstance(spec, SimulatedAuditorSpec):
        return Auditor(places), None
    if spec.budget >= size and not spec.fatigue and spec.arrivals is None:
        return Auditor(places, arm.seed, spec), None
    number, urgency, arrival = _waiting(arm, spec, spans, override, absent)
    roster = in_order(number, urgency, arm.seed, spec.budget)
    waiting = None
    if spec.arrivals is not None:
        decided = np.isin(number, roster.number)
        service = service_minutes(spec.minutes, spec.service, rng.numbered(number[decided]), arm.seed)
        waiting = Waiting.of(waits(arrival[decided], service, spec.auditors))
    needed = spec.fatigue or len(number) > spec.budget
    return Auditor(places, arm.seed, spec, roster if needed else None), waiting


def _waiting(
    arm: Arm, spec: SimulatedAuditorSpec, spans: Spans, override: float, absent: Collection[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every case that comes to the auditor, by number: (numbers, priorities, minutes of arrival)."""
    crew, clock = latent_crew(arm, Auditor(arm.plan.places), absent), 0  # in ticks: blocks do not matter
    numbers, urgencies, arrivals = [], [], []
    for at, count in spans:
        block = LatentBlock(LatentCases.numbered(at, count, override), arm.plan)
        oversee(block, arm.plan, crew)
        times = None
        if spec.arrivals is not None:
            times = clock + np.cumsum(gaps(spec.arrivals, block.cases.key_n, arm.seed))
            clock = int(times[-1])
        for index, rows in block.waiting.items():
            numbers.append(block.cases.number.take(rows.at))
            urgencies.append(priority(block, arm.plan.steps[index]))
            arrivals.append(np.zeros(len(rows)) if times is None else times.take(rows.at) / TICKS)
    if not numbers:
        return np.zeros(0, np.uint64), np.zeros(0), np.zeros(0)
    number = np.concatenate(numbers)
    order = np.argsort(number)
    return number[order], np.concatenate(urgencies)[order], np.concatenate(arrivals)[order]
