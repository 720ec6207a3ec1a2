"""`oversight credit`, from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.terminal.one_line import one_line

Sets = Annotated[list[str] | None, typer.Option("--set", help="Override a config key: key.sub=value. Repeatable.")]


def credit(
    subject: Annotated[
        str,
        typer.Argument(
            help="A run's or a comparison's directory, an experiment's YAML file, or a topology: a name, a file, "
            "NAME:key=value,... ."
        ),
    ],
    arm: Annotated[str | None, typer.Option(help="Of a run or an experiment: this arm only; default all.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="For a topology: agents, auditor, cases, seed; default: the shipped lab.")
    ] = None,
    metric: Annotated[str, typer.Option(help="What the overseers contribute to.")] = "missed_violations",
    size: Annotated[int | None, typer.Option(help="How many cases; default: the config's.")] = None,
    permutations: Annotated[int, typer.Option(help="Random orders, for more than eight overseers.")] = 200,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per arm.")] = False,
    set_: Sets = None,
) -> None:
    """What each overseer contributes: leave-one-out and Shapley value, with intervals."""
    with one_line():
        from experiments.credit.commands import credit_command

        given = [f"dataset.size={size}"] if size is not None else []
        credit_command(subject, config, arm, metric, json, permutations, [*(set_ or []), *given])
