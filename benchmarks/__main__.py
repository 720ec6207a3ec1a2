"""`make bench`: every measurement in one run, as ratios against a yardstick of the same run."""

from __future__ import annotations

import json
import sys

from benchmarks import engine, placement, records, sweeps
from benchmarks.text import measure as text


def main() -> None:
    """Print a line per measurement; with `--json`, one object."""
    found = {"engine over flat loop, " + name: value for name, value in engine.measure().items()}
    found["sweep over built graphs"] = sweeps.measure()
    kept, placed = records.measure(), placement.measure()
    words = text.measure()
    if "--json" in sys.argv:
        print(json.dumps(found | {"records": kept, "placement": placed, "text": words}))
        return
    for name, value in found.items():
        speed = f"{value['cases_per_second'] / 1e6:.2f} M cases/s"
        kind = "throughput" if "sweep" in name else "time"
        print(f"{name:36} {kind} ratio {value['ratio']:.2f}   {speed}")
    for name, value in kept.items():
        print(f"records of {name:25} time ratio {value['ratio']:.2f}   {value['rows_per_second'] / 1e6:.1f} M rows/s")
    for name, value in placed.items():
        print(f"{name:36} throughput ratio {value['ratio']:.2f}   {value['cases_per_second'] / 1e6:.2f} M cases/s")
    for line in text.lines(words):
        print(line)


if __name__ == "__main__":
    main()
