"""`oversight recurse`: a base through hierarchy, fine-tuning and evaluation, round after round."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.terminal.one_line import one_line

TRIPPED = 3


def recurse(
    config: Annotated[Path, typer.Argument(help="A recursion's YAML file.")],
    rounds: Annotated[int | None, typer.Option(help="How many rounds; more than before goes on.")] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="Once for each of these, as in 7,8,9, with intervals over all; more may be added."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Its folder; default runs/NAME-001, -002 ...")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a config key: key.sub=value.")] = None,
) -> None:
    """Oversee, fine-tune, evaluate, again with the new base. Exit code 3: a tripwire stopped an arm."""
    with one_line():
        from experiments.recurse.commands import recurse_command

        if recurse_command(config, rounds, seeds, out, set_ or []).tripped:
            raise typer.Exit(TRIPPED)
