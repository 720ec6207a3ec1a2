"""The settings of a sweep with their seeds pooled, and which of them nothing beats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from experiments.metrics.pareto import front
from experiments.results import Proportion
from experiments.statistics import proportion

SHARES = ("missed_violations", "false_alarms", "escalated", "audited")


@dataclass(frozen=True)
class Row:
    """One setting and arm over all its seeds.

    Attributes:
        setting: the swept keys in brief, with their values; values: by key as written; arm: its name.
        shares: shares of all cases with Wilson's 95 % intervals; calls: model calls a case; seeds: how many.
        best: on the Pareto front of missed violations, cases that need a person, and calls.
    """

    setting: str
    values: dict[str, Any]
    arm: str
    shares: dict[str, Proportion]
    calls: float
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
    costs = [[_value(row, "missed_violations"), _value(row, "escalated"), row.calls] for row in made]
    best = front(costs) if made else []
    rows = [Row(**{**vars(row), "best": here}) for row, here in zip(made, best, strict=True)]
    return sorted(rows, key=lambda row: (not row.best, _value(row, "missed_violations")))


def _value(row: Row, name: str) -> float:
    return row.shares[name].value or 0.0


def _row(arm: str, some: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> Row:
    n = sum(found["n"] for _, found in some)
    shares = {name: proportion(sum(found[name]["count"] for _, found in some), n) for name in SHARES}
    calls = sum(found["calls_per_case"] * found["n"] for _, found in some) / n
    values = some[0][0]["values"]
    told = ", ".join(f"{short(key)} {_shown(value)}" for key, value in values.items())
    return Row(told, values, arm, shares, calls, len(some), False)


def short(key: str) -> str:
    """A swept key in brief: its last parts, once for keys that move together."""
    return " / ".join(dict.fromkeys(".".join(part.strip().split(".")[-2:]) for part in key.split(",")))


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
