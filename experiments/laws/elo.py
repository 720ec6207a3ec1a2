"""Elo ratings from games, by maximum likelihood, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from constitutions.errors import InputError

SCALE = 400.0 / log(10.0)
"""Elo points per unit of log odds: a difference of 400 is odds of ten to one."""
_STEPS = 200


@dataclass(frozen=True)
class Ratings:
    """Elo by player, mean 0, with percentile intervals of the bootstrap.

    `unrated` is the share of resamples in which somebody never won or never lost against the others, so that no finite
    ratings exist; intervals come from the other resamples, and are too narrow where it is not small.
    """

    ratings: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    games: int
    unrated: float


def rate(winners: Sequence[str], losers: Sequence[str], resamples: int = 1000, seed: int = 0) -> Ratings:
    """Bradley-Terry ratings (Zermelo 1929; Bradley and Terry 1952): P(a beats b) = 1 / (1 + 10^((R_b - R_a) / 400)).

    Game i was won by winners[i]. The bootstrap draws games with replacement. Raises InputError for a player against
    itself, and where no finite maximum exists (Ford 1957: some players never lost to any of the others).
    """
    players = sorted({*winners, *losers})
    place = {name: i for i, name in enumerate(players)}
    pairs = np.array([[place[a], place[b]] for a, b in zip(winners, losers, strict=True)]).reshape(-1, 2)
    if len(pairs) == 0 or (pairs[:, 0] == pairs[:, 1]).any():
        raise InputError("games need a winner and another player as loser")
    won = _counts(pairs, len(players))
    _check_connected(won, players)
    ratings = _fit(won)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        again = _counts(pairs[rng.integers(len(pairs), size=len(pairs))], len(players))
        if nx.is_strongly_connected(_graph(again)):
            drawn.append(_fit(again))
    ends = np.percentile(drawn, [2.5, 97.5], axis=0) if drawn else np.full((len(players), 2), (-inf, inf)).T
    return Ratings(
        ratings=dict(zip(players, ratings.tolist(), strict=True)),
        intervals={name: (float(ends[0, i]), float(ends[1, i])) for i, name in enumerate(players)},
        games=len(pairs),
        unrated=1.0 - len(drawn) / resamples if resamples else 0.0,
    )


def _counts(pairs: NDArray[np.int64], players: int) -> NDArray[np.float64]:
    """won[a, b]: how often a beat b."""
    flat = np.bincount(pairs[:, 0] * players + pairs[:, 1], minlength=players * players)
    return flat.reshape(players, players).astype(float)


def _graph(won: NDArray[np.float64]) -> nx.DiGraph[int]:
    return nx.from_numpy_array(won, create_using=nx.DiGraph)


def _check_connected(won: NDArray[np.float64], players: Sequence[str]) -> None:
    parts = list(nx.strongly_connected_components(_graph(won)))
    if len(parts) > 1:
        smallest = min(parts, key=len)
        names = ", ".join(sorted(players[i] for i in smallest))
        raise InputError(
            f"no finite ratings: {names} never won, or never lost, against the others; every group needs both"
        )


def _fit(won: NDArray[np.float64]) -> NDArray[np.float64]:
    """Newton's method on the log-likelihood, which is concave; the step is halved until it does not fall."""
    games, wins = won + won.T, won.sum(axis=1)
    theta = np.zeros(len(won))
    value = _log_likelihood(won, theta)
    for _ in range(_STEPS):
        p = 1.0 / (1.0 + np.exp(theta[None, :] - theta[:, None]))
        gradient = wins - (games * p).sum(axis=1)
        weight = games * p * p.T
        hessian = np.diag(weight.sum(axis=1)) - weight
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        while (new := _log_likelihood(won, theta + step)) < value and np.abs(step).max() > 1e-13:
            step = step / 2.0
        theta, value = theta + step, new
        if np.abs(step).max() < 1e-12:
            break
    return np.asarray(SCALE * (theta - theta.mean()))


def _log_likelihood(won: NDArray[np.float64], theta: NDArray[np.float64]) -> float:
    return float(-(won * np.logaddexp(0.0, theta[None, :] - theta[:, None])).sum())
