"""What people write about a sweep, and the points it has."""

from __future__ import annotations

from collections.abc import Iterator
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
    """Values drawn uniformly from [low, high], or uniformly in their logarithm."""

    low: float
    high: float
    log: bool = False


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
            then has cases of its own, and every share of the cases its share of the auditor's budget.
        metric: by which settings are ranked; also what the page's curves show first.
    """

    name: Identifier
    question: str = ""
    config: Text
    topologies: tuple[str, ...] = ()
    grid: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = Field(default_factory=dict)
    random: dict[str, Range] = Field(default_factory=dict)
    draws: int = Field(1, ge=1)
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    search: Literal["all", "halving", "sequential"] = "all"
    metric: Metric = "missed_violations"
    looks: int = Field(20, ge=1)
    alpha: float = Field(0.05, gt=0, lt=1)

    @model_validator(mode="after")
    def _sequence_counts_cases(self) -> SweepSpec:
        if self.search != "sequential":
            return self
        if self.metric not in METRICS:
            accepted = ", ".join(name for name in BETTER if name in METRICS)
            raise problem(
                f"{self.metric!r} is no flag per case, which a sequential search needs; accepted: {accepted}", "metric"
            )
        for key in (*self.grid, *self.random):
            if "dataset.size" in key:
                raise problem("a sequential search decides how many cases a setting gets", "grid")
        return self


class Point(Spec):
    """One setting of the swept keys, by key as written, and a seed."""

    values: dict[str, Any]
    seed: int

    def overrides(self) -> list[str]:
        """As overrides of the experiment's keys."""
        import json

        told = [f"{name.strip()}={json.dumps(value)}" for key, value in self.values.items() for name in key.split(",")]
        return [*told, f"seed={self.seed}"]


def load_sweep(path: Path) -> SweepSpec:
    """Read a sweep's YAML file. Raises InputError."""
    return load_model(path, SweepSpec)


def points(sweep: SweepSpec) -> Iterator[Point]:
    """Every point, in order; the same for the same sweep."""
    grid = [[(key, value) for value in values] for key, values in sweep.grid.items()]
    number = 0
    for combination in product(*grid):
        for draw in range(sweep.draws if sweep.random else 1):
            drawn = {key: _draw(range_, sweep.name, key, draw) for key, range_ in sweep.random.items()}
            for seed in sweep.seeds:
                yield Point(values={**dict(combination), **drawn}, seed=seed)
                number += 1


def _draw(range_: Range, name: str, key: str, draw: int) -> float:
    u = float(rng.uniform(rng.key(name, key, draw))[0])
    if range_.log:
        return float(np.exp(np.log(range_.low) + u * (np.log(range_.high) - np.log(range_.low))))
    return range_.low + u * (range_.high - range_.low)
