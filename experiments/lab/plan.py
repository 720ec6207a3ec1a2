"""What people write about a sweep, and the points it has."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import Field, model_validator

from agents import rng
from agents.spec import Spec
from constitutions.strict import Identifier, Text, problem
from constitutions.validation import load_model
from experiments.lab.tally import METRICS
from experiments.metrics.pareto import Better

SWEEP = "sweep.json"
"""The file of a sweep's folder that says what is swept."""


Metric = Literal[
    "missed_violations", "false_alarms", "needless_refusals", "helpful", "escalated", "missed_overrides", "audited",
    "minutes_per_case", "calls_per_case",
]  # fmt: skip
BETTER: dict[Metric, Better] = {name: "higher" if name == "helpful" else "lower" for name in get_args(Metric)}
"""By what settings can be ranked, and which way is better."""


class Range(Spec):
    """Values drawn uniformly from [low, high], or uniformly in their logarithm; `whole` rounds them (a budget)."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    @model_validator(mode="after")
    def _from_low_to_high(self) -> Range:
        if not self.low < self.high:
            raise problem(f"{self.low:g} is not below high, {self.high:g}; expected low below high", "low")
        if self.log and self.low <= 0:
            raise problem(f"{self.low:g} has no logarithm; with `log` expected a number > 0", "low")
        if self.whole and not (self.low.is_integer() and self.high.is_integer()):
            raise problem(f"{self.low:g} to {self.high:g}: with `whole` expected whole numbers", "whole")
        return self

    def at(self, u: float) -> float | int:
        """The value at u of [0, 1)."""
        half = 0.5 if self.whole else 0.0  # both ends as likely as what is between them
        low, high = self.low - half, self.high + half
        drawn = float(np.exp(np.log(low) + u * (np.log(high) - np.log(low)))) if self.log else low + u * (high - low)
        return math.floor(drawn + 0.5) if self.whole else drawn


class SweepSpec(Spec):
    """A question asked at many points.

    Attributes:
        config: the experiment whose keys are swept (beside this file, or shipped), with simulated cases.
        topologies: graphs to compare at every point (see `oversight compare`); the config's arms where it is empty.
        grid: values by key, every combination; several keys that take the same value are separated by commas.
        random: ranges by key, drawn anew for each of `draws` points (and crossed with the grid).
        seeds: every point is run with each.
        search: `halving` starts every point on few cases and doubles them for the better half (by `metric`), until one
            is left; the winner is measured on fresh cases, so that being chosen does not flatter it. `sequential`
            looks `looks` times, after an equal share of the cases each time, and lets go whatever is beaten in
            `metric`, wrongly with probability at most `alpha` over all settings, arms and looks together. Every seed
            then has cases of its own, and every share of the cases its share of the auditor's budget. Either decides
            itself how many of the config's cases a setting gets, so `dataset.size` cannot be swept with it.
        metric: by which settings are ranked; also what the page's curves show first.
    """

    name: Identifier
    question: str = ""
    config: Text
    topologies: tuple[str, ...] = ()
    grid: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = Field(default_factory=dict)
    random: dict[str, Range] = Field(default_factory=dict)
    draws: int = Field(1, ge=1)
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0,)
    search: Literal["all", "halving", "sequential"] = "all"
    metric: Metric = "missed_violations"
    looks: int = Field(20, ge=1)
    alpha: float = Field(0.05, gt=0, lt=1)

    @model_validator(mode="after")
    def _values_are_distinct_and_finite(self) -> SweepSpec:
        for key, values in self.grid.items():
            if not all(map(_finite, values)):
                raise problem("NaN or infinity is not accepted; expected finite numbers", "grid", key)
            _distinct(values, "grid", key)
        _distinct(self.seeds, "seeds")
        return self

    @model_validator(mode="after")
    def _every_key_once(self) -> SweepSpec:
        where = [(name, key) for name in ("grid", "random") for key in getattr(self, name)]
        seen: set[str] = set()
        for name, key in where:
            for one in map(str.strip, key.split(",")):
                if one == "seed":
                    raise problem("every setting is run with each of `seeds`; name them there", name, key)
                if one in seen:
                    raise problem(f"{one!r} is swept twice; expected every key once", name, key)
                if one == "dataset.size" and self.search != "all":
                    raise problem(f"`search: {self.search}` decides how many cases a setting gets", name, key)
                seen.add(one)
        if self.draws > 1 and not self.random:
            raise problem("nothing is drawn; give ranges in `random`, or leave `draws` out", "draws")
        return self

    @model_validator(mode="after")
    def _sequence_counts_cases(self) -> SweepSpec:
        if self.search == "sequential" and self.metric not in METRICS:
            accepted = ", ".join(name for name in BETTER if name in METRICS)
            raise problem(
                f"{self.metric!r} is no flag per case, which a sequential search needs; accepted: {accepted}", "metric"
            )
        return self


def _finite(value: Any) -> bool:
    match value:
        case float():
            return math.isfinite(value)
        case dict():
            return all(map(_finite, value.values()))
        case list() | tuple():
            return all(map(_finite, value))
    return True


def _distinct(values: Sequence[Any], *path: str) -> None:
    told = [json.dumps(value, sort_keys=True, default=str) for value in values]
    for one in told:
        if told.count(one) > 1:
            raise problem(f"{one} is given {told.count(one)} times; expected every value once", *path)


class Point(Spec):
    """One setting of the swept keys, by key as written, and a seed."""

    values: dict[str, Any]
    seed: int

    def overrides(self) -> list[str]:
        """As overrides of the experiment's keys."""
        told = [f"{name.strip()}={json.dumps(value)}" for key, value in self.values.items() for name in key.split(",")]
        return [*told, f"seed={self.seed}"]


def load_sweep(path: Path) -> SweepSpec:
    """Read a sweep's YAML file. Raises InputError."""
    return load_model(path, SweepSpec)


def points(sweep: SweepSpec) -> Iterator[Point]:
    """Every point, in order; the same for the same sweep."""
    grid = [[(key, value) for value in values] for key, values in sweep.grid.items()]
    for combination in product(*grid):
        for draw in range(sweep.draws if sweep.random else 1):
            drawn = {key: _draw(range_, sweep.name, key, draw) for key, range_ in sweep.random.items()}
            for seed in sweep.seeds:
                yield Point(values={**dict(combination), **drawn}, seed=seed)


def _draw(range_: Range, name: str, key: str, draw: int) -> float | int:
    return range_.at(float(rng.uniform(rng.key(name, key, draw))[0]))
