"""`oversight study`: a model studies its constitution, and is probed without it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.terminal.one_line import one_line


def study(
    config: Annotated[Path | None, typer.Argument(help="The experiment's YAML file; default: the shipped one.")] = None,
    out: Annotated[Path | None, typer.Option(help="Its folder; again, to go on; default runs/NAME-001 ...")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a config key: key.sub=value.")] = None,
) -> None:
    """Self-study and cartridges: what a model knows and does without its constitution, before and after."""
    with one_line():
        from experiments.study.commands import study_command

        study_command(config, out, set_ or [])
