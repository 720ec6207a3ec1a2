"""Who decides what in a simulated arm: the auditor's roster, and how long cases wait for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import rng
from constitutions.errors import InputError
from hierarchy.arm import Arm
from hierarchy.audit.auditors import AuditorSpec, SimulatedAuditorSpec
from hierarchy.audit.labour import TICKS, Waiting, gaps, service_minutes, waits
from hierarchy.latent.auditor import Auditor, in_order, priority
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.crew import Crew, latent_crew
from hierarchy.oversee import oversee

Span = tuple[int, int]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Arrivals:
    """Cases of a span that come to the auditor: numbers, priorities, ticks since the span began; the span's ticks."""

    span: Span
    number: NDArray[np.uint64]
    priority: NDArray[np.float64]
    tick: Ints
    ticks: int


def auditor_of(
    arm: Arm,
    spec: AuditorSpec,
    spans: Sequence[Span],
    override: float,
    mapper: Callable[[Callable[[], Any], Iterable[Any]], Iterator[Any]],
    crew: Crew = latent_crew,
) -> tuple[Auditor, Waiting | None]:
    """The arm's auditor, and how long cases waited for it where the spec says how fast they come.

    Who comes to the auditor does not depend on the auditor (a case is parked once), so a first pass finds them; it is
    left out where every case could be decided and it does not matter when.
    """
    places, size = arm.plan.places, sum(count for _, count in spans)
    if not isinstance(spec, SimulatedAuditorSpec):
        return Auditor(places), None
    if spec.auditors > size:
        raise InputError(f"auditor.auditors is {spec.auditors}; accepted: 1 to {size}, the number of cases")
    if spec.budget >= size and not spec.fatigue and spec.arrivals is None:
        return Auditor(places, arm.seed, spec), None
    found = sorted(mapper(partial(Scout, arm, spec.arrivals, override, crew), spans), key=lambda one: one.span)
    number = np.concatenate([one.number for one in found])
    roster = in_order(number, np.concatenate([one.priority for one in found]), arm.seed, spec.budget)
    needed = spec.fatigue or len(number) > spec.budget
    waiting = None
    if spec.arrivals is not None:
        waiting = _waited(spec, found, np.isin(number, roster.number), arm.seed)
    return Auditor(places, arm.seed, spec, roster if needed else None), waiting


def _waited(spec: SimulatedAuditorSpec, found: Sequence[Arrivals], decided: NDArray[np.bool_], seed: int) -> Waiting:
    starts = np.cumsum([0, *(one.ticks for one in found)])
    tick = np.concatenate([one.tick + start for one, start in zip(found, starts.tolist(), strict=False)])
    number = np.concatenate([one.number for one in found])[decided]
    service = service_minutes(spec.minutes, spec.service, rng.numbered(number), seed)
    return Waiting.of(waits(tick[decided] / TICKS, service, spec.auditors))


class Scout:
    """Finds the cases of a span that come to the auditor."""

    def __init__(self, arm: Arm, arrivals: float | None, override: float, crew: Crew = latent_crew) -> None:
        self.arm, self.arrivals, self.override = arm, arrivals, override
        self.crew = crew(arm, Auditor(arm.plan.places))

    def __call__(self, span: Span) -> Arrivals:
        """One span, cases in order."""
        block = LatentBlock(LatentCases.numbered(*span, self.override), self.arm.plan)
        oversee(block, self.arm.plan, self.crew)
        rows = [one.at for one in block.waiting.values()]
        urgency = [priority(block, self.arm.plan.steps[index]) for index in block.waiting]
        row = np.concatenate([np.zeros(0, np.int64), *rows])
        order = np.argsort(row)
        tick = np.zeros(len(block), np.int64)
        if self.arrivals is not None:
            tick = np.cumsum(gaps(self.arrivals, block.cases.key_n, self.arm.seed))
        at = row[order]
        ticks = int(tick[-1]) if len(tick) else 0
        return Arrivals(span, block.cases.number[at], np.concatenate([np.zeros(0), *urgency])[order], tick[at], ticks)
