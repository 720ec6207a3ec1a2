"""`oversight plan`: how many cases a comparison needs, or what it can show."""

from __future__ import annotations

from typing import Annotated

import typer

from experiments.terminal.one_line import one_line


def plan(
    discordant: Annotated[float, typer.Option(help="Share of cases where one arm alone has the event.")],
    difference: Annotated[float | None, typer.Option(help="The difference of shares to detect.")] = None,
    cases: Annotated[int | None, typer.Option(help="Instead: how many cases there are.")] = None,
    power: Annotated[float, typer.Option(help="How likely a true difference is to be detected.")] = 0.8,
    level: Annotated[float, typer.Option(help="Of the interval; 1 minus the error rate of the test.")] = 0.95,
    family: Annotated[int, typer.Option(help="How many comparisons share the error rate (Bonferroni).", min=1)] = 1,
    design: Annotated[float, typer.Option(help="Design effect of clusters: times more cases.", min=1)] = 1.0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Plan a paired comparison: the cases a difference needs, or the difference that cases can show."""
    with one_line():
        from experiments.laws.printing import print_answer
        from experiments.planning.commands import planned

        print_answer(planned(discordant, difference, cases, power, level, family, design), json)
