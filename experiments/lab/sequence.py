"""What a sequential search measured in parts, put together: a line per setting and seed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agents.figures import Estimate, Proportion
from experiments.lab.compare import rates
from experiments.lab.schedule import Sequential
from experiments.lab.sweep_table import MEANS, SHARES
from experiments.lab.tally import Tally
from experiments.statistics import mean_sequence, share_sequence


def merged(search: Sequential, lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line per setting and seed of a sequential search, from those of its parts: rates of every arm on the cases it
    had, `left` by arm, and `early`: the rates on the first look's cases, the same for every setting."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        groups.setdefault(json.dumps([line["values"], line["seed"]], sort_keys=True), []).append(line)
    return [_merged(search, some) for some in groups.values()]


def _merged(search: Sequential, some: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first = min(some, key=lambda line: int(line["first"]))
    made = {key: first[key] for key in ("id", "values", "seed", "first")} | {"sequential": True}
    made["cases"] = sum(line["cases"] for line in some if "failed" not in line)
    failed = [line["failed"] for line in some if "failed" in line]
    if failed:
        return {**made, "failed": failed[0]}
    faults = {arm: fault for line in some for arm, fault in line.get("failed_arms", {}).items()}
    if faults:
        made["failed_arms"] = faults
    totals: dict[str, Tally] = {}
    for line in some:
        for arm, counts in line["tallies"].items():
            if arm not in faults:
                totals.setdefault(arm, Tally()).add(Tally(**counts))
    left = {arm: search.left(first["values"], arm) for arm in totals}
    early = {arm: rates(Tally(**counts)) for arm, counts in first["tallies"].items() if arm in totals}
    return {
        **made,
        "arms": {arm: anytime(rates(tally)) for arm, tally in totals.items()},
        "left": {arm: vars(one) for arm, one in left.items() if one is not None},
        "early": early,
    }


def anytime(found: dict[str, Any]) -> dict[str, Any]:
    """The same rates with intervals that hold at all looks at once."""
    n = found["n"]
    figures: dict[str, Estimate | Proportion] = {name: share_sequence(found[name]["count"], n) for name in SHARES}
    for name in (mean for mean in MEANS if mean in found):
        one = found[name]
        figures[name] = mean_sequence(one["total"], one["squares"], n, one["unit"])
    ends = {name: {**found[name], "low": figure.low, "high": figure.high} for name, figure in figures.items()}
    return {**{key: value for key, value in found.items() if key != "override_success"}, **ends}
