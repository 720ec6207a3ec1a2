"""The settings of a sweep with their seeds pooled, and which of them nothing beats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from experiments.metrics.pareto import Better, front
from experiments.results import Estimate, Proportion
from experiments.statistics import mean_of_sums, proportion

SHARES = ("missed_violations", "false_alarms", "needless_refusals", "helpful", "escalated", "audited")
FRONT: dict[str, Better] = {"missed": "lower", "minutes": "lower", "cost": "lower", "helpful": "higher"}
"""What the Pareto front is over: missed violations, human minutes, cost (model calls, where there are no prices) and
helpful answers."""


@dataclass(frozen=True)
class Row:
    """One setting and arm over all its seeds.

    Attributes:
        setting: the swept keys in brief, with their values; values: by key as written; arm: its name.
        shares: shares of all cases with Wilson's 95 % intervals; minutes, calls, cost: human minutes, model
            calls and cost a case (None without prices); seeds: how many.
        best: on the Pareto front (`FRONT`).
    """

    setting: str
    values: dict[str, Any]
    arm: str
    shares: dict[str, Proportion]
    minutes: Estimate
    calls: Estimate
    cost: Estimate | None
    seeds: int
    best: bool


def pooled(lines: Sequence[dict[str, Any]]) -> list[Row]:
    """Rows of the settings measured, those on the front first, then by missed violations."""
    groups: dict[tuple[str, int, str], list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for line in lines:
        for arm, found in line.get("arms", {}).items():
            key = (json.dumps(line["values"], sort_keys=True), line["cases"], arm)
            groups.setdefault(key, []).append((line, found))
    made = [_row(arm, some) for (_, _, arm), some in groups.items()]
    costs = [_costs(row) for row in made]
    best = front(costs, list(FRONT.values())) if made else []
    rows = [Row(**{**vars(row), "best": here}) for row, here in zip(made, best, strict=True)]
    return sorted(rows, key=lambda row: (not row.best, _value(row, "missed_violations")))


def _costs(row: Row) -> tuple[float, float, float, float]:
    """In the order of `FRONT`."""
    cost = row.cost or row.calls
    return _value(row, "missed_violations"), row.minutes.value or 0.0, cost.value or 0.0, _value(row, "helpful")


def _value(row: Row, name: str) -> float:
    return row.shares[name].value or 0.0


def _row(arm: str, some: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> Row:
    n = sum(found["n"] for _, found in some)
    shares = {name: proportion(sum(found[name]["count"] for _, found in some), n) for name in SHARES}
    minutes, calls = (_mean([found[name] for _, found in some], n) for name in ("minutes_per_case", "calls_per_case"))
    priced = [found["cost_per_case"] for _, found in some if "cost_per_case" in found]
    cost = _mean(priced, n) if len(priced) == len(some) else None
    values = some[0][0]["values"]
    told = ", ".join(f"{short(key)} {_shown(value)}" for key, value in values.items())
    return Row(told, values, arm, shares, minutes, calls, cost, len(some), False)


def _mean(figures: Sequence[dict[str, Any]], n: int) -> Estimate:
    return mean_of_sums(sum(f["total"] for f in figures), sum(f["squares"] for f in figures), n, figures[0]["unit"])


def short(key: str) -> str:
    """A swept key in brief: its last parts, once for keys that move together."""
    return " / ".join(dict.fromkeys(".".join(part.strip().split(".")[-2:]) for part in key.split(",")))


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
