"""`oversight dataset`: training data from what a run's hierarchies settled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from experiments.terminal.one_line import one_line

dataset = typer.Typer(
    help="Training data of a run: list the kinds, build some, export for others.", no_args_is_help=True
)

Run = Annotated[Path, typer.Argument(help="The directory of a run.")]


@dataset.command("list")
def list_(run: Run) -> None:
    """Print every kind of dataset with its layer and columns, and the files that the run holds."""
    with one_line():
        from experiments.datasets.commands import list_command

        list_command(run)


@dataset.command()
def build(
    run: Run,
    kinds: Annotated[list[str], typer.Argument(help="Kinds, by name; see `oversight dataset list`.")],
    form: Annotated[Literal["jsonl", "parquet"], typer.Option("--format", help="How rows are written.")] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="A folder for ARM/KIND.jsonl; default: the run's datasets.")] = None,
    arm: Annotated[str | None, typer.Option(help="Only this arm.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite files that hold other rows.")] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override a key of the config's `datasets`: sft.chain=revisions.")
    ] = None,
) -> None:
    """Build datasets of a run's arms, with a lineage in every row. Hidden kinds are written because they are named."""
    with one_line():
        from experiments.datasets.building import Asked
        from experiments.datasets.commands import build_command

        build_command(run, Asked(tuple(kinds), form, out, arm, replace), set_ or [])


@dataset.command()
def export(
    files: Annotated[list[Path], typer.Argument(help="Dataset files, JSONL or Parquet.")],
    out: Annotated[Path, typer.Option(help="A new folder for what may be published.")],
) -> None:
    """Write the visible layer of datasets for publication: no scores, flags or weights; hidden datasets are refused."""
    with one_line():
        from experiments.datasets.commands import export_command

        export_command(files, out)
