"""One setting of a sweep: its config, its arms, and what its cases came to. An arm that fails is told apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from constitutions.errors import InputError, OversightError
from experiments.config import ExperimentSpec, SimulatedData, load_experiment
from experiments.lab.arms import DEFAULT, arms_of
from experiments.lab.compare import rates
from experiments.lab.contrasts import discordance
from experiments.lab.plan import BETTER, Point, SweepSpec
from experiments.lab.schedule import Task, packed
from experiments.lab.simulate import Simulated, simulate
from experiments.lab.tally import METRICS, Flags
from experiments.prepare import resolve_auditor
from hierarchy.arm import Arm
from hierarchy.audit.auditors import AuditorSpec, SimulatedAuditorSpec

Bools = NDArray[np.bool_]
Line = dict[str, Any]
MOST_PAIRED = 12
"""Up to so many arms are compared pair by pair; more of them each against the first."""


@dataclass(frozen=True)
class Settings:
    """The settings of a sweep: from a point to its experiment, its arms, its line. `beside` is the sweep's folder."""

    sweep: SweepSpec
    beside: Path
    _known: dict[tuple[str, ...], ExperimentSpec] = field(default_factory=dict, compare=False, repr=False)

    def experiment(self, overrides: Sequence[str] = ()) -> ExperimentSpec:
        """The config with `overrides` put in; the plain one and the last other are remembered. Raises InputError."""
        key = tuple(overrides)
        if key not in self._known:
            spec = self._load(key)
            for other in [other for other in self._known if other and key]:
                del self._known[other]
            self._known[key] = spec
        return self._known[key]

    def _load(self, overrides: Sequence[str]) -> ExperimentSpec:
        places = (self.beside / self.sweep.config, DEFAULT.parent / self.sweep.config)
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise InputError(
                f"config: {self.sweep.config!r}: no such file beside the sweep or among the shipped configs"
            )
        spec = load_experiment(path, overrides)
        if not isinstance(spec.dataset, SimulatedData):
            raise InputError(
                f"config: {self.sweep.config}: dataset.kind is {spec.dataset.kind!r}; a sweep takes `simulated`"
            )
        return spec

    def check_keys(self, todo: Sequence[Point]) -> None:
        """Raise InputError for a key that takes none of its values: it does not exist, or all of them are wrong."""
        self.experiment()
        for key in todo[0].values:
            self._check_key(key, [point.values[key] for point in todo])

    def _check_key(self, key: str, values: Sequence[Any]) -> None:
        first: InputError | None = None
        for value in values:
            try:
                self._load(Point(values={key: value}, seed=self.sweep.seeds[0]).overrides())
            except InputError as error:
                first = first or error
            else:
                return
        if first is not None:
            raise first

    def size(self, point: Point, otherwise: int) -> int:
        """How many cases a setting asks for: it may be what is swept."""
        try:
            dataset = self.experiment(point.overrides()).dataset
        except OversightError:  # told when the setting is measured
            return otherwise
        assert isinstance(dataset, SimulatedData)
        return dataset.size

    def names(self) -> tuple[str, ...]:
        """The sweep's arms: its topologies, the config's own arms where it names none."""
        return self.sweep.topologies or tuple(self.experiment().arms)

    def able(self) -> list[Arm]:
        """The arms that compile before any key is swept. Raises InputError where none does."""
        spec, found, faults = self.experiment(), list[Arm](), list[OversightError]()
        if len(set(self.names())) < len(self.names()):
            arms_of(spec, self.names())  # says so
        for name in self.names():
            try:
                found += self._arms(spec, [name])
            except OversightError as error:
                faults.append(error)
        if not found:
            raise faults[0]
        return found

    def measure(self, task: Task) -> Line:
        """The setting's line: rates by arm and discordant counts by pair, or of a part of a sequential search tallies
        and bits; `failed_arms` says what is wrong with some arms, `failed` what is wrong with all."""
        line = {"id": task.id, "values": task.point.values, "seed": task.point.seed}
        line |= {"first": task.first, "cases": task.size}
        names = self.names() if task.arms is None else task.arms
        try:
            return {**line, **self._found(task, names)}
        except OversightError as error:
            faults = self._faults(task, names)
            if len(faults) == len(names):
                return {**line, "failed": str(error)}
        return {**line, **self._found(task, [name for name in names if name not in faults]), "failed_arms": faults}

    def _faults(self, task: Task, names: Sequence[str]) -> dict[str, str]:
        """What is wrong with each arm that cannot be carried out by itself."""
        found = {}
        for name in names:
            try:
                self._found(replace(task, arms=(name,)), [name])
            except OversightError as error:
                found[name] = str(error)
        return found

    def _found(self, task: Task, names: Collection[str]) -> Line:
        spec = self.experiment(task.point.overrides())
        assert isinstance(spec.dataset, SimulatedData)
        arms = self._arms(spec, names)
        people = {arm.name: resolve_auditor(spec, arm.name) if arm.name in spec.arms else spec.auditor for arm in arms}
        run = partial(simulate, arms, task.size, first=task.first, override=spec.dataset.override, prices=spec.prices)
        if task.whole is None:
            found = run(people)
            told = {name: rates(tally) for name, tally in found.tallies.items()}
            return {"arms": told, "compared": self._compared, "pairs": self._pairs(found)}
        flags: dict[str, list[Bools]] = {arm.name: [] for arm in arms}

        def listen(arm: str, told: Flags) -> None:
            flags[arm].append(self._worse(told[self.sweep.metric]))

        parts = {name: part_of(person, task, task.whole) for name, person in people.items()}
        found = run(parts, listen=listen)
        return {
            "tallies": {name: tally.plain() for name, tally in found.tallies.items()},
            "bits": {name: packed(np.concatenate(some)) for name, some in flags.items()},
        }

    def _arms(self, spec: ExperimentSpec, names: Collection[str]) -> list[Arm]:
        if self.sweep.topologies:
            return arms_of(spec, [name for name in self.sweep.topologies if name in names])
        wanted = {name: arm for name, arm in spec.arms.items() if name in names}
        return arms_of(spec.model_copy(update={"arms": wanted}), ())

    def _pairs(self, found: Simulated) -> list[list[Any]]:
        """[a, b, cases, only a, only b, both] of the sweep's metric (of missed violations where it is no flag)."""
        arms, metric = list(found.tallies), self._compared
        some = combinations(arms, 2) if len(arms) <= MOST_PAIRED else ((arms[0], other) for other in arms[1:])
        return [[a, b, *vars(discordance(found, a, b, metric)).values()] for a, b in some]

    @property
    def _compared(self) -> str:
        """The metric in which arms of one setting are compared."""
        return self.sweep.metric if self.sweep.metric in METRICS else "missed_violations"

    def _worse(self, flag: Bools) -> Bools:
        """The metric as a flag of what is worse."""
        return flag if BETTER[self.sweep.metric] == "lower" else ~flag


def part_of(person: AuditorSpec, task: Task, whole: int) -> AuditorSpec:
    """The auditor for a part of the cases: its share of the budget, such that the shares add up."""
    if not isinstance(person, SimulatedAuditorSpec):
        return person
    start = task.first % whole
    share = person.budget * (start + task.size) // whole - person.budget * start // whole
    return person.model_copy(update={"budget": share})
