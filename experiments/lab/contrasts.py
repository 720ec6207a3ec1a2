"""Paired differences between arms on the same cases, from discordant counts: exact tests, Holm's correction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.lab.pooled import told
from experiments.lab.simulate import Simulated
from experiments.lab.worker import Discordance
from experiments.results.arms import Comparison
from experiments.results.figures import Difference
from experiments.statistics import RESAMPLES, detectable_of_counts, difference_of_counts, holm, mcnemar_of_counts

Row = dict[str, Any]


def contrasts(found: Simulated, metric: str, pairs: Sequence[tuple[str, str]]) -> list[Row]:
    """Arm a minus arm b for every pair: difference with a 95 % interval, McNemar's exact p, Holm's over the pairs, how
    many times common random numbers cut the variance of the difference, and the smallest difference that as many cases
    would have shown."""
    return with_holm([contrast(a, b, metric, discordance(found, a, b, metric)) for a, b in pairs])


def contrast(a: str, b: str, metric: str, counts: Discordance) -> Row:
    """One pair's row, without Holm's correction."""
    difference = difference_of_counts(counts.only_a, counts.only_b, counts.n)
    return {
        "a": a,
        "b": b,
        "metric": metric,
        "difference": difference.value,
        "low": difference.low,
        "high": difference.high,
        "only_a": counts.only_a,
        "only_b": counts.only_b,
        "p": mcnemar_of_counts(counts.only_a, counts.only_b),
        "variance_ratio": variance_ratio(counts),
        "detectable": detectable_of_counts(counts.only_a, counts.only_b, counts.n),
    }


def with_holm(rows: Sequence[Row]) -> list[Row]:
    """The rows with p after Holm's correction over all of them."""
    adjusted = holm([float(row["p"]) for row in rows])
    return [{**row, "p_holm": p} for row, p in zip(rows, adjusted, strict=True)]


def pooled_contrasts(lines: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The pairs of arms within every setting of a sweep, seeds pooled; Holm's correction is over all settings and
    pairs. `setting` says which, `n` on how many cases."""
    groups: dict[tuple[str, int, str, str, str], Discordance] = {}
    for line in lines:
        for a, b, *counts in line.get("pairs", ()):
            setting = told(line["values"])
            key = (json.dumps(line["values"], sort_keys=True), line["cases"], setting, a, b)
            groups.setdefault(key, Discordance()).add(Discordance(*counts))
    metric = next((str(line["compared"]) for line in lines if "compared" in line), "")
    return with_holm(
        [
            {**contrast(a, b, metric, counts), "setting": setting, "n": counts.n}
            for (_, _, setting, a, b), counts in groups.items()
        ]
    )


def named(row: Mapping[str, Any]) -> str:
    """A pair within a setting, in words."""
    pair = f"{row['a']} − {row['b']}"
    return f"{row['setting']}: {pair}" if row["setting"] else pair


def as_comparison(row: Mapping[str, Any], n: int, name: str, planned: bool = False) -> Comparison:
    """A row as a page shows it."""
    return Comparison(
        name=name, a=row["a"], b=row["b"], metric=row["metric"],
        difference=Difference(value=row["difference"], low=row["low"], high=row["high"]), n=n, only_a=row["only_a"],
        only_b=row["only_b"], p=row["p"], p_holm=row["p_holm"], variance_ratio=row["variance_ratio"], planned=planned,
        detectable=row["detectable"], method=f"paired BCa bootstrap over cases, {RESAMPLES:,} resamples",
    )  # fmt: skip


def discordance(found: Simulated, a: str, b: str, metric: str) -> Discordance:
    """The pair's counts, whichever of the two came first in the simulation."""
    if (a, b, metric) in found.discordance:
        return found.discordance[a, b, metric]
    counts = found.discordance[b, a, metric]
    return Discordance(counts.n, counts.only_b, counts.only_a, counts.both)


def variance_ratio(counts: Discordance) -> float | None:
    """Variance of the difference on independent cases over that on the same cases; None where nothing differs."""
    a, b = (counts.both + only for only in (counts.only_a, counts.only_b))
    pa, pb, d = a / counts.n, b / counts.n, (counts.only_a - counts.only_b) / counts.n
    paired = (counts.only_a + counts.only_b) / counts.n - d * d
    return (pa * (1 - pa) + pb * (1 - pb)) / paired if paired > 0 else None
