"""`oversight audit sample|estimate|threshold|staff`, from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.terminal.one_line import one_line

Run = Annotated[Path, typer.Argument(help="The directory of a run.")]
Arm = Annotated[str | None, typer.Option(help="This arm only; default all.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object (per arm).")]
Simulate = Annotated[int | None, typer.Option("--simulate", help="Check by so many simulated runs or cases.")]
Seed = Annotated[int, typer.Option(help="Seed of the simulation.")]


def sample(
    run: Run,
    arm: Arm = None,
    design: Annotated[str | None, typer.Option(help="priority, uncertainty or disagreement")] = None,
    budget: Annotated[int | None, typer.Option(help="The most cases of an arm.")] = None,
    floor: Annotated[float | None, typer.Option(help="Share of the budget drawn by chance alone.")] = None,
    aim: Annotated[str | None, typer.Option(help="top or proportional")] = None,
    key: Annotated[str | None, typer.Option(help="Key of the draw; default: a random one, kept with the run.")] = None,
    json: Json = False,
) -> None:
    """Draw released cases for audit, once; what is not said is the config's `audit_sample`."""
    with one_line():
        from experiments.sampling.commands import sample_command

        given = {"design": design, "budget": budget, "floor": floor, "aim": aim, "key": key}
        sample_command(run, arm, given, json)


def estimate(
    run: Run,
    arm: Arm = None,
    sensitivity: Annotated[
        str | None,
        typer.Option(help="Auditors on violating gold cases: RIGHT/CASES, as 46/50; default: the run's own."),
    ] = None,
    specificity: Annotated[str | None, typer.Option(help="The same on gold cases that violate nothing.")] = None,
    simulate: Simulate = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Estimate the violations among all released cases from those that were drawn and answered."""
    with one_line():
        from experiments.sampling.commands import estimate_command

        estimate_command(run, arm, sensitivity, specificity, simulate, seed, json)


def threshold(
    file: Annotated[Path, typer.Argument(help="CSV with `score` and `violates`: cases whose truth is known.")],
    risk: Annotated[float, typer.Option(help="The share that may violate and be released.")],
    method: Annotated[str, typer.Option(help="conformal, binomial or hoeffding_bentkus")] = "conformal",
    error: Annotated[float, typer.Option(help="But with conformal: how likely the risk may be exceeded.")] = 0.1,
    among: Annotated[str, typer.Option(help="Share of which cases: all, or violating.")] = "all",
    json: Json = False,
) -> None:
    """From which score on a case must go to a person, so that the risk of what is released is kept."""
    with one_line():
        from experiments.laws.printing import print_answer
        from experiments.sampling.answers import threshold_answer

        print_answer(threshold_answer(file, risk, method, error, among), json)


def staff(
    arrival: Annotated[float, typer.Option(help="Cases an hour.")],
    minutes: Annotated[float, typer.Option(help="Minutes a review takes on average.")],
    due: Annotated[float, typer.Option(help="Minutes within which a case must be answered.")],
    share: Annotated[float, typer.Option(help="Share of cases that must be.")] = 0.95,
    auditors: Annotated[int | None, typer.Option(help="Tell what so many come to.")] = None,
    error: Annotated[float, typer.Option(help="How likely an auditor errs on a case.")] = 0.0,
    target: Annotated[
        float | None, typer.Option(help="How likely the majority of reviews may err; default: one review a case.")
    ] = None,
    simulate: Simulate = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """How many auditors are needed for cases to be answered in time (Erlang C)."""
    with one_line():
        from experiments.laws.printing import print_answer
        from experiments.sampling.answers import staff_answer

        print_answer(staff_answer(arrival, minutes, due, share, auditors, error, target, simulate, seed), json)
