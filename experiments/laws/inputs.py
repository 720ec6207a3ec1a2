"""Laws that read files: what the files hold, and the answers as plain data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from constitutions.errors import InputError
from experiments.laws import control
from experiments.laws.dawid_skene import Estimate
from experiments.laws.dawid_skene import dawid_skene as estimate
from experiments.laws.elo import rate
from experiments.laws.ranges import read_columns, within

MOST_GAMES = 1_000_000


def check_control(upfront: bool, files: Mapping[str, object], numbers: Mapping[str, object]) -> None:
    """Raise InputError for an option of the other kind of control, which would not be looked at."""
    other = next((name for name, given in (files if upfront else numbers).items() if given is not None), None)
    if other is not None:
        raise InputError(
            f"{other} belongs to control {'without' if upfront else 'with'} --upfront; leave one of them out"
        )


def monitoring(
    honest: Path | None, attack: Path | None, budget: float, simulate: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """Safety and threshold of trusted monitoring, from two files of scores; and simulated. Raises InputError."""
    if honest is None or attack is None:
        raise InputError("--honest and --attack are needed (CSV files of scores), or --upfront")
    rows = read_columns(attack, "score", "success")
    columns = (
        np.array([row.number("score") for row in read_columns(honest, "score")]),
        np.array([row.number("score") for row in rows]),
        np.array([row.flag("success") for row in rows]),
    )
    found = control.monitoring(*columns, budget)
    answer = {"safety": found.safety, "threshold": found.threshold}
    if simulate is None:
        return answer
    from experiments.laws.control_played import monitoring as played

    safety, audited = played(*columns, found.threshold, simulate, seed)
    return {**answer, "simulated": {"safety": safety.plain(), "audited": audited.plain()}}


def upfront(
    p: float | None,
    n: int | None,
    untrusted: float | None,
    trusted: float | None,
    budget: float,
    simulate: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Safety and usefulness of auditing the first cases; and simulated. Raises InputError for what is not given."""
    if p is None or n is None or untrusted is None or trusted is None:
        raise InputError("--upfront needs --p, --n, --usefulness-untrusted and --usefulness-trusted")
    found = control.upfront(p, n, untrusted, trusted, budget)
    answer = {"safety": found.safety, "usefulness": found.usefulness}
    if simulate is None:
        return answer
    from experiments.laws.control_played import upfront as played

    safety, usefulness = played(p, n, untrusted, trusted, budget, simulate, seed)
    return {**answer, "simulated": {"safety": safety.plain(), "usefulness": usefulness.plain()}}


def elo(wins: Path, resamples: int, seed: int, simulate: int | None = None) -> dict[str, Any]:
    """Ratings with intervals, best first, and of simulated games. An interval without a finite end is null. Raises
    InputError."""
    within("--resamples", resamples, 0, 1_000_000)
    within("--seed", seed, 0, inf)
    rows = read_columns(wins, "winner", "loser", optional=("count",))
    winners, losers = list[str](), list[str]()
    for row in rows:
        count, winner, loser = row.count("count", MOST_GAMES), row.text("winner"), row.text("loser")
        if winner == loser:
            raise row.refuse("loser", "expected another player than the winner")
        if len(winners) + count > MOST_GAMES:
            raise InputError(f"{wins}: over {MOST_GAMES:,} games, which the bootstrap would draw one by one")
        winners += [winner] * count
        losers += [loser] * count
    found = rate(winners, losers, resamples, seed)
    best_first = sorted(found.ratings, key=lambda name: -found.ratings[name])
    answer: dict[str, Any] = {
        "ratings": {name: found.ratings[name] for name in best_first},
        "intervals": {
            name: [end if math.isfinite(end) else None for end in found.intervals[name]] for name in best_first
        },
        "games": found.games,
        "unrated_resamples": found.unrated,
    }
    if simulate is None:
        return answer
    from experiments.laws.raters_played import games

    pairs = Counter(tuple(sorted(pair)) for pair in zip(winners, losers, strict=True))
    again = games(found, {(one, other): count for (one, other), count in pairs.items()}, simulate, seed)
    return {
        **answer,
        "simulated": {"ratings": {name: again.ratings[name] for name in best_first}, "games": again.games},
    }


def dawid_skene(votes: Path, simulate: int | None = None, seed: int = 0) -> dict[str, Any]:
    """Likelihood, marginals, confusions by rater, true class and said class, the likeliest label of every case; and
    what is found again in simulated votes."""
    rows = read_columns(votes, "case", "rater", "label")
    cases, raters, labels = ([row.text(column) for row in rows] for column in ("case", "rater", "label"))
    found = estimate(cases, raters, labels)
    answer = {**_estimated(found), "labels": found.labels, "converged": found.converged}
    if simulate is None:
        return answer
    from experiments.laws.raters_played import votes as played

    return {**answer, "simulated": {**_estimated(played(found, simulate, seed)), "cases": simulate}}


def _estimated(found: Estimate) -> dict[str, Any]:
    """Likelihood, marginals and confusions by name."""
    classes = found.classes
    return {
        "log_likelihood": found.log_likelihood,
        "marginals": dict(zip(classes, found.marginals.tolist(), strict=True)),
        "confusions": {
            rater: {
                true: dict(zip(classes, (None if math.isnan(x) else x for x in row), strict=True))
                for true, row in zip(classes, matrix.tolist(), strict=True)
            }
            for rater, matrix in zip(found.raters, found.confusions, strict=True)
        },
    }
