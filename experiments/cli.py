"""The command line. Every command is a thin wrapper around a typed function, imported only when it is called."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from constitutions.errors import OversightError
from experiments.audit.cli import audit
from experiments.credit.cli import credit
from experiments.datasets.audit_cli import register as register_dataset_audit
from experiments.datasets.cli import dataset
from experiments.lab.cli import compare, sweep
from experiments.laws.cli import law
from experiments.planning.cli import plan
from experiments.recurse.cli import recurse
from experiments.study.cli import study
from experiments.terminal.one_line import one_line
from experiments.topologies.cli import topology
from experiments.train.cli import hacking, train

app = typer.Typer(
    name="oversight",
    help="Arrange base, critic, judge and safety models in an oversight graph, and measure what it catches.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
world = typer.Typer(help="The microworld that the shipped tiny models live in.", no_args_is_help=True)
app.add_typer(audit, name="audit")
register_dataset_audit(dataset)
app.add_typer(dataset, name="dataset")
app.add_typer(law, name="law")
app.add_typer(world, name="world")
app.add_typer(topology, name="topology")

Sets = Annotated[list[str] | None, typer.Option("--set", help="Override a config key: key.sub=value. Repeatable.")]
Run = Annotated[Path, typer.Argument(help="The directory of a run.")]
Arm = Annotated[str | None, typer.Option(help="The arm, where the case waits in several.")]


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="An experiment's YAML file.")],
    out: Annotated[Path | None, typer.Option(help="Run directory; default runs/NAME-001, -002 ...")] = None,
    executor: Annotated[str | None, typer.Option(help="local or ray")] = None,
    schedule: Annotated[str | None, typer.Option(help="shards or roles")] = None,
    ray_address: Annotated[str | None, typer.Option(help="Join this Ray cluster instead of starting one.")] = None,
    database: Annotated[str | None, typer.Option(help="Keep the audit queue here: postgresql+psycopg://...")] = None,
    set_: Sets = None,
) -> None:
    """Run an experiment: oversee, audit, fine-tune, evaluate, report."""
    with one_line():
        from experiments.commands import run_command

        flags = {
            "execution.executor": executor or (ray_address and "ray"),
            "execution.schedule": schedule,
            "execution.address": ray_address,
            "execution.database": database,
        }
        run_command(config, out, [*(set_ or []), *(f"{key}={value}" for key, value in flags.items() if value)])


@app.command()
def resume(run: Run) -> None:
    """Go on with a run: after a crash, or after decisions."""
    with one_line():
        from experiments.commands import resume_command

        resume_command(run)


@app.command()
def show(
    run: Run,
    case: Annotated[str, typer.Argument(help="A case id.")],
    arm: Arm = None,
    hidden: Annotated[bool, typer.Option("--hidden", help="Show critiques, verdicts and flags too.")] = False,
) -> None:
    """Print one case's whole path as a tree."""
    with one_line():
        from experiments.show import show_command

        show_command(run, case, arm, hidden)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Directories: one of any kind, or several runs or comparisons.")],
    out: Annotated[
        Path | None, typer.Option(help="A folder for the page; default: the run's own, for several runs/report-NAMES.")
    ] = None,
    metric: Annotated[str, typer.Option(help="What arms of different runs are compared on.")] = "missed_violations",
    figures: Annotated[
        Literal["png", "svg"] | None, typer.Option(help="Write every figure as a picture into figures/, too.")
    ] = None,
    hidden: Annotated[
        bool, typer.Option("--hidden", help="With what overseers wrote, as report-hidden.html: not for the public.")
    ] = False,
) -> None:
    """Write the page of a run, comparison, sweep, recursion or self-study again; of several runs, one of all arms."""
    with one_line():
        from experiments.commands import report_command

        report_command(runs, out, metric, figures, hidden)


@app.command()
def doctor() -> None:
    """Print versions, devices, and whether anything shadows our packages."""
    with one_line():
        from experiments.doctor import examine, render

        render(examine())


@world.command("train")
def world_train(
    out: Annotated[Path, typer.Argument(help="A folder for the checkpoints.")],
    only: Annotated[list[str] | None, typer.Option(help="Only these models. Repeatable.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of data and weights.")] = 0,
    steps_scale: Annotated[float, typer.Option(help="Share of the recipe's steps; 1 is the recipe.")] = 1.0,
    notes: Annotated[float, typer.Option(help="Share of critics' samples with notes of others, for debate.")] = 0.0,
) -> None:
    """Make the shipped tiny models again from nothing."""
    with one_line():
        from experiments.commands import world_train_command

        world_train_command(out, only, seed, steps_scale, notes)


for _command in (compare, sweep, credit, plan, train, recurse, hacking, study):  # after `run`, in the help as in use
    app.command()(_command)


def main() -> None:
    """The `oversight` command."""
    from constitutions.guard import require_our_agents

    try:
        require_our_agents()
    except OversightError as error:
        typer.echo(f"oversight: {error}", err=True)
        sys.exit(2)
    app()
