"""`oversight train` and `oversight hacking`: fine-tune a model, and see what pressing a learnt reward does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.terminal.one_line import one_line
from experiments.train.processes import Distributed


def train(
    config: Annotated[Path, typer.Argument(help="A fine-tuning run's YAML file: model, data, out, train.")],
    distributed: Annotated[Distributed, typer.Option(help="none, torchrun or ray")] = Distributed.NONE,
    ray_address: Annotated[str, typer.Option(help="Join this Ray cluster instead of starting one.")] = "local",
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a config key: key.sub=value.")] = None,
) -> None:
    """Fine-tune a model on rows of training data; again, to go on where it stopped."""
    with one_line():
        from experiments.train.commands import train_command

        train_command(config, distributed, ray_address, set_ or [])


def hacking(
    config: Annotated[Path | None, typer.Argument(help="The experiment's YAML file; default: the shipped one.")] = None,
    out: Annotated[Path | None, typer.Option(help="Its folder; default runs/NAME-001, -002 ...")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a config key: key.sub=value.")] = None,
) -> None:
    """Measure reward hacking: a reward learnt from the hierarchy, pressed by best-of-n and training, and the oracle."""
    with one_line():
        from experiments.hacking.commands import hacking_command

        hacking_command(config, out, set_ or [])
