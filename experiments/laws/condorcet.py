"""Condorcet's jury with voters who err together: the majority's accuracy under beta-binomial votes."""

from __future__ import annotations

import numpy as np

from experiments.laws.ranges import within


def majority_accuracy(p: float, rho: float, n: int) -> float:
    """Probability that the majority of n voters is right, each right with probability p, any two correlated by rho.

    Votes are beta-binomial (Skellam 1948): given the case, all are right with one probability drawn from
    Beta(a, b), a = p (1 - rho) / rho, b = (1 - p)(1 - rho) / rho. rho = 0 is Condorcet's own (1785) binomial. An even n
    can tie; a tie is settled by a fair coin. Exact: the probabilities of k right votes follow from their ratios,
    P(k+1) / P(k) = (n-k)/(k+1) * (k+a)/(n-k-1+b), summed as logarithms. Raises InputError outside the ranges.
    """
    within("--p", p, 0, 1)
    within("--rho", rho, 0, 1, open_high=True)
    within("--n", n, 1, 10_000_000)
    if p in (0.0, 1.0):
        return p
    k = np.arange(n, dtype=float)
    right, wrong = (k * rho + p * (1 - rho), (n - k - 1) * rho + (1 - p) * (1 - rho))
    log_p = np.concatenate([[0.0], np.cumsum(np.log(n - k) - np.log(k + 1) + np.log(right) - np.log(wrong))])
    weight = np.exp(log_p - log_p.max())
    won = weight[n // 2 + 1 :].sum() + (0.5 * weight[n // 2] if n % 2 == 0 else 0.0)
    return min(1.0, float(won / weight.sum()))  # rounding can add a last digit


def effective_size(n: int, rho: float) -> float:
    """How many independent voters n correlated ones are worth: n / (1 + (n - 1) rho) (Kish 1965)."""
    return n / (1.0 + (n - 1) * rho)
