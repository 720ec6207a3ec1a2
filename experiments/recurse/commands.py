"""`oversight recurse`: round after round, the tables, the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments.folder import next_folder
from experiments.layout import results_table
from experiments.recurse.metrics import METRICS
from experiments.recurse.recursion import recurse
from experiments.recurse.results import ArmRecursion, Measured, RecursionResults
from experiments.recurse.spec import load_recurse
from experiments.recurse.words import changed, figure
from experiments.report.report import REPORT_FILE

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
    table = results_table(arm.title, "round", [*(str(each.round) for each in arm.rounds), "change since round 0"])
    for metric, some in _measured(arm):
        last = some[-1].change if some[-1] is not None else None
        table.add_row(
            METRICS[metric].title, *(figure(metric, m.value if m else None) for m in some), changed(metric, last)
        )
    return table


def _measured(arm: ArmRecursion) -> Iterator[tuple[str, list[Measured | None]]]:
    for metric in METRICS:
        some = [each.measures.get(metric) for each in arm.rounds]
        if any(some):
            yield metric, some


def contrast_table(results: RecursionResults) -> Table:
    """A row per declared comparison: the difference after every round."""
    rounds = list(dict.fromkeys(each.round for each in results.contrasts))
    table = results_table("Between arms, on the same prompts", "round", [str(number) for number in rounds])
    for a, b, metric in dict.fromkeys((each.a, each.b, each.metric) for each in results.contrasts):
        some = {c.round: c.difference for c in results.contrasts if (c.a, c.b, c.metric) == (a, b, metric)}
        cells = [changed(metric, some.get(number)).replace(" (", "\n(") for number in rounds]
        table.add_row(f"{METRICS[metric].title}: {a} minus {b}", *cells)
    return table
