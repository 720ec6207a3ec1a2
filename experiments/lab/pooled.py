"""The settings of a sweep with their seeds pooled, and which of them nothing beats."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.figures import Estimate, Proportion
from experiments.metrics.pareto import Better, front
from experiments.statistics import mean_of_sums, mean_sequence, proportion, share_sequence

Figure = Estimate | Proportion
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
        best: on the Pareto front (`FRONT`); standing: in a sequential search, when it left and who beat it.
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
    standing: str = ""

    @property
    def figures(self) -> dict[str, Figure]:
        """Every metric of the table, by name."""
        cost = {} if self.cost is None else {"cost_per_case": self.cost}
        return {**self.shares, "minutes_per_case": self.minutes, "calls_per_case": self.calls, **cost}


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
    line, found, told_of = some[0][0], [one for _, one in some], some[0][0].get("left", {}).get(arm)
    shares = {name: share_of(line, found, name) for name in SHARES}
    minutes, calls = (mean_of(line, found, name) for name in ("minutes_per_case", "calls_per_case"))
    cost = mean_of(line, found, "cost_per_case") if all("cost_per_case" in one for one in found) else None
    standing = f"left after {told_of['cases']:,} cases" if told_of else ""
    if told_of and told_of["by"]:
        p = "< 0.001" if told_of["p"] < 0.001 else f"{told_of['p']:.3f}"
        standing += f": beaten by {told_of['by']} (p {p})"
    return Row(told(line["values"]), line["values"], arm, shares, minutes, calls, cost, len(some), False, standing)


def share_of(line: dict[str, Any], found: Sequence[dict[str, Any]], name: str) -> Proportion:
    """A share over several seeds or settings of an arm; its interval holds at all looks where the search is sequential
    (the line says so)."""
    interval = share_sequence if line.get("sequential") else proportion
    return interval(sum(one[name]["count"] for one in found), sum(one["n"] for one in found))


def mean_of(line: dict[str, Any], found: Sequence[dict[str, Any]], name: str) -> Estimate:
    """A mean per case over several seeds or settings of an arm, with its interval likewise."""
    interval = mean_sequence if line.get("sequential") else mean_of_sums
    total, squares = (sum(one[name][key] for one in found) for key in ("total", "squares"))
    return interval(total, squares, sum(one["n"] for one in found), found[0][name]["unit"])


def told(values: Mapping[str, Any]) -> str:
    """A setting in brief."""
    return ", ".join(f"{short(key)} {shown(value)}" for key, value in values.items())


def short(key: str) -> str:
    """A swept key in brief: its last parts, once for keys that move together."""
    return " / ".join(dict.fromkeys(".".join(part.strip().split(".")[-2:]) for part in key.split(",")))


def shown(value: object) -> str:
    """A swept value in brief."""
    return f"{value:g}" if isinstance(value, float) else str(value)
