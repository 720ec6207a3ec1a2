"""Laws that read files: what the files hold, and the answers as plain data."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from constitutions.errors import InputError
from experiments.laws import control
from experiments.laws.dawid_skene import Estimate
from experiments.laws.dawid_skene import dawid_skene as estimate
from experiments.laws.elo import rate
from experiments.laws.ranges import flags, numbers, read_columns, within


def monitoring(
    honest: Path | None, attack: Path | None, budget: float, simulate: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """Safety and threshold of trusted monitoring, from two files of scores; and simulated. Raises InputError."""
    if honest is None or attack is None:
        raise InputError("--honest and --attack are needed (CSV files of scores), or --upfront")
    calm = numbers(honest, read_columns(honest, "score"), "score")
    rows = read_columns(attack, "score", "success")
    hostile = numbers(attack, rows, "score")
    success = flags(attack, rows, "success")
    columns = np.array(calm), np.array(hostile), np.array(success)
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
    rows = read_columns(wins, "winner", "loser", optional=("count",))
    winners, losers = [], []
    for line, row in enumerate(rows, start=2):
        count = _count(wins, line, row["count"])
        winners += [row["winner"]] * count
        losers += [row["loser"]] * count
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


def _count(path: Path, line: int, text: str) -> int:
    if not text:
        return 1
    if not text.isdigit():
        raise InputError(f"{path}, line {line}: count is {text!r}; expected a whole number of games")
    return int(text)


def dawid_skene(votes: Path, simulate: int | None = None, seed: int = 0) -> dict[str, Any]:
    """Likelihood, marginals, confusions by rater, true class and said class, the likeliest label of every case; and
    what is found again in simulated votes."""
    rows = read_columns(votes, "case", "rater", "label")
    for line, row in enumerate(rows, start=2):
        for column, cell in row.items():
            if not cell:
                raise InputError(f"{votes}, line {line}: {column} is empty; leave the row out where there is no vote")
    cases, raters, labels = ([row[column] for row in rows] for column in ("case", "rater", "label"))
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
