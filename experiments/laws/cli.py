"""`oversight law ...`: the laws of scalable oversight from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.terminal.one_line import one_line

law = typer.Typer(help="The published laws of scalable oversight, by formula and by simulation.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Simulate = Annotated[int | None, typer.Option("--simulate", help="Simulate it with this many cases, by the engine.")]
Seed = Annotated[int, typer.Option(help="Seed of the simulation.")]
Pair = tuple[float, float]


def _answer(as_json: bool, compute: Callable[[], dict[str, Any]]) -> None:
    with one_line():
        from experiments.laws.printing import print_answer

        print_answer(compute(), as_json)


@law.command()
def nso(
    guard: Annotated[Pair, typer.Option(help="Guard Elo over general Elo: SLOPE INTERCEPT.")],
    houdini: Annotated[Pair, typer.Option(help="Houdini Elo over general Elo: SLOPE INTERCEPT.")],
    gap: Annotated[float, typer.Option(help="General Elo of the overseen model minus that of the first overseer.")],
    start: Annotated[float, typer.Option(help="General Elo of the first overseer.")] = 1103.0,
    max_steps: Annotated[int, typer.Option(help="Most steps to try.")] = 20,
    guard_range: Annotated[
        Pair | None, typer.Option(help="General Elo LOW HIGH outside which the guard's is flat.")
    ] = None,
    houdini_range: Annotated[Pair | None, typer.Option(help="The same for the Houdini.")] = None,
    simulate: Simulate = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Nested scalable oversight (Engels et al. 2025): the best number of steps, and how likely it holds."""

    def compute() -> dict[str, Any]:
        from experiments.laws.nso import best, skill

        g = skill("--guard", *guard, guard_range)
        h = skill("--houdini", *houdini, houdini_range)
        found = best(g, h, gap, max_steps, start)
        answer = {"steps": found.steps, "success": found.success}
        if simulate is None:
            return answer
        from experiments.laws.simulated import ladder

        return {**answer, **ladder(g, h, gap, found.steps, simulate, start, seed).plain()}

    _answer(json, compute)


@law.command()
def condorcet(
    p: Annotated[float, typer.Option(help="How likely a voter is right.")],
    n: Annotated[int, typer.Option(help="How many voters.")],
    rho: Annotated[float, typer.Option(help="Correlation of two voters' being right.")] = 0.0,
    simulate: Simulate = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Accuracy of a majority of voters who err together (beta-binomial); ties are a fair coin."""

    def compute() -> dict[str, Any]:
        from experiments.laws.condorcet import majority_accuracy

        answer = {"accuracy": majority_accuracy(p, rho, n)}
        if simulate is None:
            return answer
        from experiments.laws.simulated import jury

        return {**answer, **jury(p, rho, n, simulate, seed).plain()}

    _answer(json, compute)


@law.command()
def weights(
    p: Annotated[str, typer.Option(help="How likely each voter is right: P1,P2,...")],
    simulate: Simulate = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Best weights of independent voters (Nitzan and Paroush 1982) against the plain majority."""

    def compute() -> dict[str, Any]:
        from experiments.laws.ranges import listed
        from experiments.laws.weights import optimal

        given = listed("--p", p)
        found = optimal(given)
        answer: dict[str, Any] = {
            "majority": found.majority,
            "weighted": found.weighted,
            "weights": list(found.weights),
        }
        if simulate is None:
            return answer
        from experiments.laws.simulated import weighted

        plain, best = weighted(given, simulate, seed)
        return {**answer, "simulated": {"majority": plain.plain(), "weighted": best.plain()}}

    _answer(json, compute)


@law.command()
def control(
    budget: Annotated[float, typer.Option(help="Share of cases that are audited, per cent.")],
    honest: Annotated[
        Path | None, typer.Option(help="CSV with `score`: the monitor's suspicion of honest cases.")
    ] = None,
    attack: Annotated[Path | None, typer.Option(help="CSV with `score` and `success`: attacks.")] = None,
    upfront: Annotated[
        bool, typer.Option("--upfront", help="Audit the first cases instead of the suspicious ones.")
    ] = False,
    p: Annotated[float | None, typer.Option(help="With --upfront: how likely a case is an attack.")] = None,
    n: Annotated[int | None, typer.Option(help="With --upfront: how many cases.")] = None,
    usefulness_untrusted: Annotated[float | None, typer.Option(help="With --upfront: per case.")] = None,
    usefulness_trusted: Annotated[float | None, typer.Option(help="With --upfront: per case.")] = None,
    simulate: Simulate = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Safety under an audit budget (Greenblatt et al. 2023): trusted monitoring, or --upfront auditing."""

    def compute() -> dict[str, Any]:
        from experiments.laws import inputs

        inputs.check_control(
            upfront,
            {"--honest": honest, "--attack": attack},
            {
                "--p": p,
                "--n": n,
                "--usefulness-untrusted": usefulness_untrusted,
                "--usefulness-trusted": usefulness_trusted,
            },
        )
        if upfront:
            return inputs.upfront(p, n, usefulness_untrusted, usefulness_trusted, budget, simulate, seed)
        return inputs.monitoring(honest, attack, budget, simulate, seed)

    _answer(json, compute)


@law.command()
def queue(
    servers: Annotated[int, typer.Option(help="How many auditors.")],
    arrival: Annotated[float, typer.Option(help="Cases per unit of time.")],
    service: Annotated[float, typer.Option(help="Cases one auditor does per unit of time.")],
    simulate: Simulate = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Waiting for an auditor (Erlang C): how likely, and how long on average."""

    def compute() -> dict[str, Any]:
        from experiments.laws.queue import erlang_c

        found = erlang_c(servers, arrival, service)
        answer: dict[str, Any] = {"wait_probability": found.wait_probability, "mean_wait": found.mean_wait}
        if simulate is None:
            return answer
        from experiments.laws.simulated import waited

        return {**answer, "simulated": waited(servers, arrival, service, simulate, seed)}

    _answer(json, compute)


@law.command()
def elo(
    wins: Annotated[Path, typer.Option(help="CSV with `winner` and `loser`, and optionally `count`.")],
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.")] = 1000,
    simulate: Simulate = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap and the simulation.")] = 0,
    json: Json = False,
) -> None:
    """Elo ratings by maximum likelihood (mean 0), with 95 % bootstrap intervals."""

    def compute() -> dict[str, Any]:
        from experiments.laws import inputs

        return inputs.elo(wins, resamples, seed, simulate)

    _answer(json, compute)


@law.command("dawid-skene")
def dawid_skene(
    votes: Annotated[Path, typer.Option(help="CSV with `case`, `rater` and `label`, a row per vote.")],
    simulate: Simulate = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Truth and every rater's confusion matrix from votes alone (Dawid and Skene 1979), by EM."""

    def compute() -> dict[str, Any]:
        from experiments.laws import inputs

        return inputs.dawid_skene(votes, simulate, seed)

    _answer(json, compute)
