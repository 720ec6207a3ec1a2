"""What a recursion found, as tables in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from experiments.recurse.metrics import METRICS, measured_metrics
from experiments.recurse.results import ArmRecursion, RecursionResults
from experiments.recurse.words import bare, changed, seeds_in_words, signed
from experiments.terminal.layout import results_table


def print_recursion(results: RecursionResults, console: Console) -> None:
    """The tables, and what stopped an arm."""
    if len(results.seeds) > 1:
        console.print(
            f"means over the {seeds_in_words(results.seeds)}; intervals over seeds and prompts", highlight=False
        )
    for arm in results.arms:
        console.print(rounds_table(arm))
        for seed, trip in arm.trips.items():
            console.print(f"{arm.arm}, seed {seed}: stopped after round {trip.round}: {trip.said}", highlight=False)
    for table in contrast_tables(results):
        console.print(table)


def rounds_table(arm: ArmRecursion) -> Table:
    """A row per metric: its value after every round, and the change of the last since round 0."""
    heads = [*(str(each.round) for each in arm.rounds), "change since 0"]
    table = results_table(f"{arm.title}: per cent after each round, KL in nats", "", heads)
    for metric in measured_metrics([arm]):
        some = [each.measures.get(metric) for each in arm.rounds]
        values = (bare(metric, each.value if each else None) for each in some)
        table.add_row(METRICS[metric].title, *values, changed(metric, some[-1].change if some[-1] else None))
    return table


def contrast_tables(results: RecursionResults) -> list[Table]:
    """A table per pair of arms: a row per declared comparison and round, with the difference of every seed where there
    are several."""
    seeds = results.seeds if len(results.seeds) > 1 else ()
    tables: dict[tuple[str, str], Table] = {}
    for each in results.contrasts:
        pair = (each.a, each.b)
        if pair not in tables:
            heads = ["round", "difference", *(f"seed {seed}" for seed in seeds)]
            tables[pair] = results_table(f"{each.a} − {each.b}, on the same prompts", "", heads)
        found = [changed(each.metric, each.difference), *signed(each.metric, each.differences)[: len(seeds)]]
        tables[pair].add_row(METRICS[each.metric].title, str(each.round), *found)
    return list(tables.values())
