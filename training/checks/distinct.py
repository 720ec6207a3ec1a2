"""Distinct-n (Li et al. 2016): distinct runs of n words over words, at one number of words.

A longer text repeats itself more (Heaps 1978), so that the figure of a larger set is lower whatever it says: two sets
can be compared only at the same number of words. Here every figure is over the first `budget` words of the answers in
a keyed order, averaged over several orders.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.figures import Estimate, Record
from training.checks.words import Words, grams, keyed_order

ORDERS = 20
RUNS = (1, 2, 3)


class Distinct(Record):
    """Distinct-1, -2 and -3 of the answers over `budget` words.

    Intervals hold 95 % of the orders drawn: which answers happened to be counted. There are none where the budget takes
    all the words.
    """

    budget: int
    values: dict[int, Estimate]


def distinct(answers: Sequence[Words], budget: int, seed: int = 0) -> Distinct:
    """Distinct-n for n = 1, 2, 3 over the first `budget` words (at most all) of each of 20 keyed orders."""
    total = sum(map(len, answers))
    taken = min(budget, total)
    if not taken:
        return Distinct(budget=0, values={n: Estimate(value=None, low=None, high=None) for n in RUNS})
    texts = ["\x1f".join(some) for some in answers]
    orders = [keyed_order(texts, seed, "distinct", i) for i in range(ORDERS if taken < total else 1)]
    drawn = np.array([_ratios([answers[i] for i in order.tolist()], taken) for order in orders])
    return Distinct(budget=taken, values={n: _spread(drawn[:, i]) for i, n in enumerate(RUNS)})


def _ratios(answers: Sequence[Words], budget: int) -> list[float]:
    """Distinct runs over words of the first `budget` words; no run crosses from one answer into the next."""
    seen: tuple[set[Words], ...] = tuple(set() for _ in RUNS)
    left = budget
    for some in answers:
        for n, found in zip(RUNS, seen, strict=True):
            found.update(grams(some[:left], n))
        left -= len(some)
        if left <= 0:
            break
    return [len(found) / budget for found in seen]


def _spread(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Estimate:
    if len(values) == 1:
        return Estimate(value=float(values[0]), low=None, high=None)
    low, high = np.quantile(values, (0.025, 0.975))
    return Estimate(value=float(values.mean()), low=float(low), high=float(high))
