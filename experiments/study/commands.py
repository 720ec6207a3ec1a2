"""`oversight study`: the experiment, its tables and its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments.folder import next_folder
from experiments.report.study import said_of, share, write_study_report
from experiments.study.experiment import run_study
from experiments.study.spec import load_study

DEFAULT = Path(__file__).parents[1] / "configs" / "self_study.yaml"
RUNS = Path("runs")


def study_command(config: Path | None, out: Path | None, overrides: Sequence[str]) -> None:
    """Run it, or go on with it, and say what was found."""
    spec = load_study(config or DEFAULT, overrides)
    console = Console()

    def tell(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    folder = out or next_folder(spec.name, RUNS)
    found = run_study(spec, folder, tell)
    console.print(_probes(found))
    for table in (_contrasts(found), _superficial(found), _ways(found)):
        if table.row_count:
            console.print(table)
    for sentence in said_of(found):
        tell(sentence)
    tell(f"report {write_study_report(folder, found)}")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def _probes(found: Mapping[str, Any]) -> Table:
    """A row per probe, a column per model."""
    asked = found["probes"]
    table = _table("Right answers without the constitution in the prompt (`in_context`: with it)", "probe", *asked)
    for number, probe in enumerate(asked["before"]):
        table.add_row(f"{probe['title']} ({probe['n']})", *(share(its[number]) for its in asked.values()))
    return table


def _contrasts(found: Mapping[str, Any]) -> Table:
    table = _table("Differences between arms on the same items", "probe", "difference")
    for pair in found["contrasts"]:
        for each in pair["differences"]:
            table.add_row(f"{pair['a']} − {pair['b']}: {each['title']}", share(each, signed=True))
    return table


def _superficial(found: Mapping[str, Any]) -> Table:
    table = _table("Superficial compliance: right answers on the same cases", "difference", *found["superficial"])
    for number, each in enumerate(found["superficial"]["before"]):
        table.add_row(
            f"{each['title']} ({each['n']})",
            *(share(its[number], signed=True) for its in found["superficial"].values()),
        )
    return table


def _ways(found: Mapping[str, Any]) -> Table:
    table = _table("Memory and throughput", "way", "tokens kept", "KV bytes a conversation", "tokens/s")
    for way in found["ways"]:
        table.add_row(way["name"], str(way["tokens"]), f"{way['bytes']:,}", f"{way['tokens_per_second']:,.0f}")
    return table
