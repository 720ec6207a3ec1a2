"""The Shapley value of players in a game whose value is a column: one number per case, so that credit has intervals."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from agents import rng

Floats = NDArray[np.float64]
Value = Callable[[frozenset[str]], Floats]
"""The value of a coalition: a number per case [N], of the same cases in the same order for every coalition."""


@dataclass(frozen=True)
class Part:
    """A player's Shapley value per case [N], and the standard error of its mean from sampling orders (0 if exact)."""

    value_N: Floats
    standard_error: float


def shapley_exact(ids: Collection[str], value: Value) -> dict[str, Part]:
    """Shapley (1953): sum over coalitions S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)).

    Asks for all 2^n coalitions, each several times: let `value` remember them.
    """
    n = len(ids)
    found = {}
    for one in ids:
        others = [other for other in ids if other != one]
        total = np.zeros_like(value(frozenset()), np.float64)
        for size in range(n):
            weight = 1.0 / (n * comb(n - 1, size))
            for chosen in combinations(others, size):
                total += weight * (value(frozenset({*chosen, one})) - value(frozenset(chosen)))
        found[one] = Part(total, 0.0)
    return found


def shapley_sampled(ids: Collection[str], value: Value, permutations: int, seed: int) -> dict[str, Part]:
    """The mean marginal contribution over random orders of joining, with its standard error (Castro, Gómez and Tejada
    2009). Orders come in pairs, one the reverse of the other, which cuts the error where contributions shrink as others
    join (Mitchell, Cooper, Frank and Holmes 2022); the error is that of the pairs' means. The values of all players
    add up to v(all) - v(none) exactly, as in every order. Raises ValueError for fewer than four orders.
    """
    if permutations < 4:
        raise ValueError(f"permutations is {permutations}; at least 4 are needed, for two pairs")
    names = list(ids)
    total = np.zeros((len(names), len(value(frozenset()))))
    means = []
    for pair in range(permutations // 2):
        order = np.argsort(rng.uniform(rng.fold(rng.key("shapley", seed, pair), np.arange(len(names)))))
        gains = np.zeros_like(total)
        for places in (order, order[::-1]):
            _join(names, places.tolist(), value, gains)
        total += gains
        means.append(gains.mean(axis=1) / 2)
    pairs = len(means)
    error = np.std(means, axis=0, ddof=1) / np.sqrt(pairs)
    return {name: Part(total[i] / (2 * pairs), float(error[i])) for i, name in enumerate(names)}


def _join(names: list[str], order: list[int], value: Value, gains: Floats) -> None:
    """Add what each player changes when all join in this order."""
    joined: frozenset[str] = frozenset()
    before = value(joined)
    for place in order:
        joined |= {names[place]}
        after = value(joined)
        gains[place] += after - before
        before = after
