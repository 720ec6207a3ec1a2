"""Nested scalable oversight (Engels et al. 2025, "Scaling Laws for Scalable Oversight")."""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import inf, prod

from constitutions.errors import InputError
from experiments.laws.ranges import within

START = 1103.0
"""General Elo of the first, trusted overseer in the paper's notebooks."""


@dataclass(frozen=True)
class Skill:
    """Elo in one game as a function of general Elo: linear, and flat outside [low, high] (double ReLU)."""

    slope: float
    intercept: float
    low: float = -inf
    high: float = inf

    def __call__(self, general: float) -> float:
        """The game's Elo of a model of this general Elo."""
        return self.slope * min(max(general, self.low), self.high) + self.intercept


def skill(name: str, slope: float, intercept: float, flat_outside: tuple[float, float] | None) -> Skill:
    """A skill from command-line numbers. Raises InputError for a range whose low end is not below its high end."""
    for value in (slope, intercept):
        within(name, value, -inf, inf)
    low, high = flat_outside or (-inf, inf)
    if not low < high:
        raise InputError(f"{name}-range is {low:g} {high:g}; expected LOW HIGH with LOW below HIGH")
    return Skill(slope, intercept, low, high)


@dataclass(frozen=True)
class Oversight:
    """How many steps to take, and the probability that every one of them holds."""

    steps: int
    success: float


def success(guard: Skill, houdini: Skill, gap: float, steps: int, start: float = START) -> float:
    """P(n, gap) = prod over i < n of 1 / (1 + 10^((H(s + gap (i+1)/n) - G(s + gap i/n)) / 400)).

    Each of the n steps has a guard (G) of general Elo s + gap i/n oversee a model that may try to escape (H, "Houdini")
    gap/n above it; a win probability is Elo's. Raises InputError for fewer than one step.
    """
    within("steps", steps, 1, inf)
    return prod(win(guard, houdini, gap, steps, i, start) for i in range(steps))


def win(guard: Skill, houdini: Skill, gap: float, steps: int, i: int, start: float = START) -> float:
    """The probability that step i of n holds, counted from 0."""
    difference = houdini(start + gap * (i + 1) / steps) - guard(start + gap * i / steps)
    if math.isnan(difference):
        raise InputError("--guard and --houdini give infinite Elo at both ends; expected slopes and gaps of finite Elo")
    return 1.0 / (1.0 + math.pow(10.0, min(difference / 400.0, 300.0)))


def best(guard: Skill, houdini: Skill, gap: float, max_steps: int = 20, start: float = START) -> Oversight:
    """The number of steps from 1 to `max_steps` with the highest success; of equals, the fewest."""
    within("--max-steps", max_steps, 1, 100_000)
    within("--gap", gap, -inf, inf)
    within("--start", start, -inf, inf)
    tried = [Oversight(n, success(guard, houdini, gap, n, start)) for n in range(1, max_steps + 1)]
    return max(tried, key=lambda found: (found.success, -found.steps))
