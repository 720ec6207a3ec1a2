"""How often the intervals hold the truth: a population is made, sampled and estimated anew, many times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from agents.figures import Estimate
from constitutions.errors import InputError
from experiments.laws.ranges import within
from experiments.statistics.bootstrap import generator
from experiments.statistics.survey import ESTIMATORS, FEW, Sampled, certain_and_floor, headline
from hierarchy.audit.design import DesignSpec, chances, draw_by

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """N released cases: what a design aims by, the model's P(violates), and the truth, [N] each."""

    score_N: Floats
    model_N: Floats
    violates_N: Bools


@dataclass(frozen=True)
class Covered:
    """Of `runs` intervals, the share that holds the true rate; the same once they give way to the exact interval below
    ten violations on the floor; and the mean width of the intervals as they are before that."""

    runs: int
    share: float
    told: float
    width: float

    @property
    def error(self) -> float:
        """Standard error of `share`."""
        return sqrt(self.share * (1 - self.share) / self.runs)


def normal_world(size: int, rate: float, separation: float) -> Callable[[np.random.Generator], Population]:
    """Populations of `size` cases of which round(`rate` * `size`) violate, with a score that is x ~ N(0, 1), moved by
    `separation` where a case violates, turned into the probability that x is worth at this rate (it is calibrated)."""
    violates = np.arange(size) < round(rate * size)
    base = float(logit(rate)) - separation**2 / 2

    def populate(draw: np.random.Generator) -> Population:
        x = draw.normal(size=size) + separation * violates
        model = np.asarray(expit(base + separation * x))
        return Population(model, model, violates)

    return populate


def scored_world(score_N: Floats, model_N: Floats, rate: float) -> Callable[[np.random.Generator], Population]:
    """Populations with these scores in which every case violates with the model's probability times one factor, the one
    that makes `rate` of them violate on average."""
    within("rate", rate, 0, 1)
    low, high = 0.0, 1.0 / max(1e-12, float(model_N[model_N > 0].min(initial=1.0)))
    if np.minimum(1.0, high * model_N).mean() < rate:
        raise InputError("the model gives so many cases a probability of 0 that the rate estimated cannot be simulated")
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(1.0, middle * model_N).mean() < rate else (low, middle)
    chance = np.minimum(1.0, high * model_N)

    def populate(draw: np.random.Generator) -> Population:
        return Population(score_N, model_N, np.asarray(draw.random(len(chance)) < chance))

    return populate


def coverage(
    world: Callable[[np.random.Generator], Population],
    design: DesignSpec,
    runs: int,
    seed: int = 0,
    estimators: tuple[str, ...] = ("headline", "exact", *ESTIMATORS),
) -> dict[str, Covered]:
    """Coverage of each estimator's interval over `runs` populations and draws of a design. Truth is audited without
    error."""
    rng = generator(seed, "coverage")
    kinds = {"headline": headline, "exact": certain_and_floor, **ESTIMATORS}
    hits, told, width = (dict.fromkeys(estimators, 0.0) for _ in range(3))
    for _ in range(runs):
        sampled, truth = _sampled(world(rng), design, rng)
        few = sampled.found < FEW
        for name in estimators:
            found = kinds[name](sampled)
            held = _holds(found, truth)
            hits[name] += held
            told[name] += _holds(certain_and_floor(sampled), truth) if few and name in ESTIMATORS else held
            width[name] += (found.high or 0.0) - (found.low or 0.0)
    return {name: Covered(runs, hits[name] / runs, told[name] / runs, width[name] / runs) for name in estimators}


def _sampled(population: Population, design: DesignSpec, rng: np.random.Generator) -> tuple[Sampled, float]:
    planned = chances(design, population.score_N)
    size = len(population.score_N)
    drawn = draw_by(planned, rng.random(size), rng.random(size), float(rng.random()))
    columns = planned.inclusion_N, drawn.drawn_N, drawn.floor_N, population.violates_N, population.model_N
    return Sampled(*columns), float(population.violates_N.mean())


def _holds(found: Estimate, truth: float) -> int:
    if found.low is None or found.high is None:
        return 0
    return int(found.low - 1e-12 <= truth <= found.high + 1e-12)
