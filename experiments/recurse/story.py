"""The rounds of an arm so far: figures with their intervals made of what was measured, and whether a wire tripped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agents.figures import Estimate
from experiments.recurse import diversity
from experiments.recurse.columns import Measures
from experiments.recurse.metrics import METRICS
from experiments.recurse.results import ArmRecursion, Measured, RoundResult, Trip
from experiments.recurse.rounds import Crew, Rounds
from experiments.recurse.tripwire import tripped
from experiments.recurse.words import is_share
from experiments.results.figures import Difference
from experiments.results.run import read_results

_GRAMS = {"distinct_1": 1, "distinct_2": 2}


class Story:
    """Grows by a round at a time."""

    def __init__(self, rounds: Rounds, first: Measures) -> None:
        self._rounds, self.measured = rounds, [first]
        self.results = [RoundResult(round=0, base=self._name(rounds.first().base), measures=self._figures())]
        self.trip: Trip | None = None

    @property
    def first(self) -> Measures:
        """What was measured of the first base."""
        return self.measured[0]

    def add(self, number: int, crew: Crew, overseers: Mapping[str, int], measures: Measures) -> None:
        """Take in what was measured after a round, and look at the tripwires."""
        rounds = self._rounds
        run = read_results(rounds.run_folder(number))
        self.measured.append(measures)
        self.results.append(
            RoundResult(
                round=number,
                base=self._name(crew.base),
                measures=self._figures(),
                seed=run.seed,
                rows=run.training[-1].rows,
                audited=run.arms[0].audited.count if run.arms[0].audited else None,
                overseers=overseers,
            )
        )
        self.trip = tripped(rounds.spec.tripwires, self.results)

    def recursion(self) -> ArmRecursion:
        """As written to the results."""
        arm = self._rounds.spec.run.arms[self._rounds.arm]
        title = arm.title or self._rounds.arm
        trips = {} if self.trip is None else {self._rounds.spec.seed: self.trip}
        return ArmRecursion(arm=self._rounds.arm, title=title, rounds=tuple(self.results), trips=trips)

    def difference(self, other: Story, metric: str, number: int) -> Difference | None:
        """This arm minus another after a round, on the same prompts; None where one was not measured."""
        if max(number, 0) >= min(len(self.measured), len(other.measured)):
            return None
        return _change(metric, self.measured[number], other.measured[number], self._rounds)

    def _figures(self) -> dict[str, Measured]:
        """Every metric of the newest base."""
        return {name: found for name in METRICS if (found := self._figure(name)) is not None}

    def _figure(self, metric: str) -> Measured | None:
        here, earlier = self.measured[-1], self.measured[:-1]
        value = _value(metric, here, self._rounds)
        if value is None:
            return None
        if not earlier:
            return Measured(value=value)
        changes = [_change(metric, here, before, self._rounds) for before in (earlier[0], earlier[-1])]
        return Measured(value=value, change=changes[0], step=changes[1])

    def _name(self, path: Path) -> str:
        root = self._rounds.folder.resolve()
        return str(path.relative_to(root)) if path.is_relative_to(root) else path.name


def _value(metric: str, here: Measures, rounds: Rounds) -> Estimate | None:
    if metric in _GRAMS:
        return diversity.estimate(_halves(metric, here, rounds))
    column = here.columns.get(metric)
    return None if column is None else column.estimate(rounds.spec.seed, is_share(metric))


def _change(metric: str, here: Measures, before: Measures, rounds: Rounds) -> Difference | None:
    if metric in _GRAMS:
        return diversity.change(_halves(metric, here, rounds), _halves(metric, before, rounds))
    if metric not in here.columns or metric not in before.columns:
        return None
    return here.columns[metric].change(before.columns[metric], rounds.spec.seed, is_share(metric))


def _halves(metric: str, here: Measures, rounds: Rounds) -> diversity.Floats:
    prompts = [[one.ids for one in some] for some in here.drawn]
    return diversity.over_halves(prompts, _GRAMS[metric], rounds.spec.measure.budget, rounds.spec.seed)
