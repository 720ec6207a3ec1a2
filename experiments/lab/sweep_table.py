"""A sweep's settings as a table in a file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.lab.failing import failures
from experiments.lab.tally import METRICS

SHARES = (*METRICS, "audited", "first_violating")
MEANS = ("minutes_per_case", "calls_per_case", "cost_per_case")


def write_csv(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """A row per setting and arm: the swept keys, seed, cases, every share with its interval, the means, the failure."""
    keys = list(dict.fromkeys(key for line in lines for key in line["values"]))
    head = [*keys, "seed", "first", "cases", "arm"]
    head += [f"{name}{end}" for name in (*SHARES, *MEANS) for end in ("", "_low", "_high")]
    head += ["left_after", "beaten_by", "p_anytime", "failed"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for line in lines:
            start = [*(line["values"].get(key) for key in keys), line["seed"], line["first"]]
            for arm, fault in failures(line).items():
                writer.writerow([*start, line["cases"], arm, *[""] * (len(head) - len(start) - 3), fault])
            for arm, found in line.get("arms", {}).items():
                cells = [found.get(name, {}).get(end) for name in (*SHARES, *MEANS) for end in ("value", "low", "high")]
                left = line.get("left", {}).get(arm, {"cases": "", "by": "", "p": ""})
                writer.writerow([*start, found["n"], arm, *cells, *left.values(), ""])
