"""The simulated auditor of cases without text: a person who knows the truth, errs, tires, and has a budget."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.simulated.draws import Draws
from agents.simulated.marks import bare
from agents.simulated.spec import SimulatedSpec
from agents.vocabulary import Role, Verdict
from hierarchy.audit.auditors import SimulatedAuditorSpec
from hierarchy.audit.labour import service_minutes, tired
from hierarchy.flow import Bools, Ints
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.said import Coded, Decision
from hierarchy.latent.view import LatentView
from hierarchy.plan import PlannedStep


@dataclass(frozen=True)
class Roster:
    """Which cases are decided, and when: numbers [m] ascending, and each one's order number [m], 0 decided first."""

    number: NDArray[np.uint64]
    order: Ints

    def order_of(self, number_n: NDArray[np.uint64]) -> Ints:
        """Each case's order number, [n]; -1 for a case nobody decides."""
        if not len(self.number):
            return np.full(len(number_n), -1)
        at = np.minimum(np.searchsorted(self.number, number_n), len(self.number) - 1)
        return np.where(self.number.take(at) == number_n, self.order.take(at), -1)


@dataclass(frozen=True)
class Auditor:
    """Accepts what it finds fine; revises (or rejects) what it finds violating (see `SimulatedAuditorSpec`).

    `places`: bits of words. Without a spec nobody is there, and every case is parked. `roster` says which cases are
    within the budget (a case outside it is left to the graph's policy); None where all are and nobody tires.
    """

    places: int
    seed: int = 0
    spec: SimulatedAuditorSpec | None = None
    roster: Roster | None = None

    @cached_property
    def draws(self) -> Draws:
        """Its errors: one draw a case, whatever the principle."""
        assert self.spec is not None
        spec = SimulatedSpec(sensitivity=self.spec.sensitivity, false_alarm=1.0 - self.spec.specificity)
        return Draws(spec, self.seed, f"auditor {self.spec.name}", 1)

    def act(self, view: LatentView) -> Decision:
        """Decide every row of the view."""
        word, revision = view.subject
        n = len(view)
        if self.spec is None:
            return Decision(np.zeros(n, np.int8), word, revision)
        order = None if self.roster is None else self.roster.order_of(view.numbers)
        refused = np.int8(Verdict.REVISE if self.spec.revises else Verdict.REJECT)
        verdict = np.where(self._flags(view, order), refused, np.int8(Verdict.ACCEPT))
        policy = None if order is None else order < 0
        if policy is not None:
            verdict = np.where(policy, np.int8(Verdict.REJECT), verdict)
        minutes: float | NDArray[np.float64] = self.spec.minutes
        if self.spec.service != "fixed":
            minutes = service_minutes(self.spec.minutes, self.spec.service, view.seen.key_n, self.seed)
        return Decision(verdict, np.zeros(n, word.dtype), revision + 1, policy, minutes)

    def _flags(self, view: LatentView, order: Ints | None) -> Bools:
        word, revision = view.subject
        violates = bare(word, self.places) != 0
        spec = self.spec
        assert spec is not None
        if not spec.fatigue or order is None:
            truth = violates.view(np.uint8)
            return self.draws.review(view.seen, truth, 1, revision, "audit").flag_n.astype(bool)
        skill = tired(spec.sensitivity, spec.fatigue, spec.shift, spec.auditors, np.maximum(order, 0))
        key = rng.fold(view.seen.key_n, rng.key(self.seed, f"auditor {spec.name}", "tired"))
        return np.asarray(rng.uniform(key) < np.where(violates, skill, 1.0 - spec.specificity))


def priority(block: LatentBlock, step: PlannedStep) -> NDArray[np.float64]:
    """What orders the queue among the cases that wait at the step, [n]: the field it names, from the latest reviewer of
    each case that has it, 0 where none has."""
    rows, field = block.waiting[step.index], step.step.priority
    out = np.zeros(len(rows))
    for other in block.plan.steps[: step.index]:
        if not _tells(other, field):
            continue
        where = block.where(other.index, rows)
        if where is None:
            continue
        ran, places = where
        column = block.said[other.index].column(field)
        values = np.nan_to_num(column.numbers if isinstance(column, Coded) else column.astype(np.float64))
        values = values if places is None else values.take(places)
        out = values if ran is None else np.where(ran, values, out)
    return out


def _tells(step: PlannedStep, field: str) -> bool:
    match step.role:
        case Role.CONSENSUS:
            return True
        case Role.CRITIC | Role.SAFETY:
            return field != "disagreement"
        case Role.JUDGE:
            return field == "uncertainty"
    return False


def in_order(number: NDArray[np.uint64], priority: NDArray[np.float64], seed: int, budget: int) -> Roster:
    """The first `budget` of the waiting cases: by priority, ties by a keyed hash of the case."""
    lot = rng.fold(rng.key("audit order", seed), rng.numbered(number))
    first = np.lexsort((lot, -priority))[:budget]
    order = np.argsort(number[first], kind="stable")
    return Roster(number[first][order], order)
