"""Distinct-n at a fixed number of tokens: how many different n-grams a model's answers have (Li et al. 2016).

The share of different n-grams falls as text grows, so that only texts of one length can be compared: every value here
is over exactly `budget` tokens. A bootstrap would repeat prompts, and repeated text is less diverse; so the interval is
the delete-half jackknife's (Shao and Wu 1989): the spread over random halves of the prompts, which for a mean is the
standard error over all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.figures import Estimate
from constitutions.errors import InputError
from experiments.results.figures import Difference
from experiments.statistics.bootstrap import generator
from experiments.statistics.shares import NORMAL

Answers = Sequence[Sequence[int]]
"""The tokens of a prompt's answers."""
Floats = NDArray[np.float64]
HALVES = 200


def distinct(answers: Answers, n: int, budget: int) -> float | None:
    """Different n-grams over all n-grams in the first `budget` tokens; no n-gram crosses from one answer to the next.

    None where the answers have fewer tokens than that.
    """
    seen: set[tuple[int, ...]] = set()
    count, left = 0, budget
    for answer in answers:
        some = answer[:left]
        left -= len(some)
        grams = list(zip(*(some[i:] for i in range(n)), strict=False))
        seen.update(grams)
        count += len(grams)
        if not left:
            return len(seen) / count if count else None
    return None


def over_halves(prompts: Sequence[Answers], n: int, budget: int, seed: int) -> Floats:
    """Distinct-n over random halves of the prompts, [HALVES]; the same halves for as many prompts and the same seed.

    Raises InputError where half the prompts have fewer tokens than the budget.
    """
    draw, half = generator(seed, "halves"), len(prompts) // 2
    found = []
    for _ in range(HALVES):
        order = draw.permutation(len(prompts))[:half]
        value = distinct([answer for at in order for answer in prompts[at]], n, budget)
        if value is None:
            tokens = sum(len(answer) for at in order for answer in prompts[at])
            raise InputError(f"measure.budget: half the drawn answers have {tokens} tokens; expected at least {budget}")
        found.append(value)
    return np.array(found)


def estimate(halves_H: Floats) -> Estimate:
    """The mean over halves with its interval."""
    value, reach = float(halves_H.mean()), NORMAL * float(halves_H.std(ddof=1))
    return Estimate(value=value, low=max(0.0, value - reach), high=min(1.0, value + reach))


def change(after_H: Floats, before_H: Floats) -> Difference:
    """Of two models on the same halves, after minus before, with its interval."""
    difference = after_H - before_H
    value, reach = float(difference.mean()), NORMAL * float(difference.std(ddof=1))
    return Difference(value=value, low=value - reach, high=value + reach)
