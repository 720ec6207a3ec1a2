"""`oversight recurse`: round after round, the tables, the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from experiments.folder import next_folder
from experiments.recurse.recursion import recurse
from experiments.recurse.results import RecursionResults
from experiments.recurse.spec import load_recurse
from experiments.recurse.tables import print_recursion
from experiments.report.report import REPORT_FILE

RUNS = Path("runs")


def recurse_command(
    config: Path, rounds: int | None, seeds: str | None, out: Path | None, overrides: Sequence[str]
) -> RecursionResults:
    """Carry it out and say what was found."""
    given = [
        *overrides,
        *([f"rounds={rounds}"] if rounds is not None else []),
        *([f"seeds=[{seeds}]", "seed=0"] if seeds is not None else []),
    ]
    spec = load_recurse(config, given)
    console = Console()
    folder = out or next_folder(spec.name, RUNS)
    results = recurse(spec, folder, console)
    print_recursion(results, console)
    console.print(f"report {folder / REPORT_FILE}", highlight=False, soft_wrap=True)
    return results
