"""`oversight recurse`: round after round, the tables, the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments.folder import next_folder
from experiments.recurse.metrics import METRICS, measured_metrics
from experiments.recurse.recursion import recurse
from experiments.recurse.results import ArmRecursion, RecursionResults
from experiments.recurse.spec import load_recurse
from experiments.recurse.words import bare, changed
from experiments.report.report import REPORT_FILE
from experiments.terminal.layout import results_table

RUNS = Path("runs")


def recurse_command(config: Path, rounds: int | None, out: Path | None, overrides: Sequence[str]) -> RecursionResults:
    """Carry it out and say what was found."""
    given = [*overrides, *([f"rounds={rounds}"] if rounds is not None else [])]
    spec = load_recurse(config, given)
    console = Console()
    folder = out or next_folder(spec.name, RUNS)
    results = recurse(spec, folder, console)
    for arm in results.arms:
        console.print(rounds_table(arm))
        if arm.trip is not None:
            console.print(f"{arm.arm}: stopped after round {arm.trip.round}: {arm.trip.said}", highlight=False)
    if results.contrasts:
        console.print(contrast_table(results))
    console.print(f"report {folder / REPORT_FILE}", highlight=False, soft_wrap=True)
    return results


def rounds_table(arm: ArmRecursion) -> Table:
    """A row per metric: its value after every round, and the change of the last since round 0."""
    heads = [*(str(each.round) for each in arm.rounds), "change since 0"]
    table = results_table(f"{arm.title}: per cent after each round, KL in nats", "", heads)
    for metric in measured_metrics([arm]):
        some = [each.measures.get(metric) for each in arm.rounds]
        values = (bare(metric, each.value if each else None) for each in some)
        table.add_row(METRICS[metric].title, *values, changed(metric, some[-1].change if some[-1] else None))
    return table


def contrast_table(results: RecursionResults) -> Table:
    """A row per declared comparison and round."""
    table = results_table("Between arms, on the same prompts", "", ["arms", "round", "difference"])
    for each in results.contrasts:
        arms = f"{each.a} − {each.b}"
        table.add_row(METRICS[each.metric].title, arms, str(each.round), changed(each.metric, each.difference))
    return table
