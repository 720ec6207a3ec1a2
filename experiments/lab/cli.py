"""`oversight compare` and `oversight sweep`: the topology lab from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from experiments.terminal.one_line import one_line

Records = Literal["none", "cases", "visits"]
Address = Annotated[
    str | None, typer.Option("--ray-address", help="Join this Ray cluster; `local` starts one of its own.")
]
Sets = Annotated[list[str] | None, typer.Option("--set", help="Override a config key: key.sub=value. Repeatable.")]


def compare(
    graphs: Annotated[
        list[str] | None,
        typer.Argument(help="Topologies: names, files, or NAME:key=value,... for a builder. None: the config's arms."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Agents, auditor, cases, seed; default: the shipped lab.")] = None,
    metric: Annotated[str, typer.Option(help="What to compare.")] = "missed_violations",
    size: Annotated[int | None, typer.Option(help="How many cases.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Keep every block's counts here; a comparison that was cut off is gone on with.")
    ] = None,
    records: Annotated[Records, typer.Option(help="With --out: Parquet with a row per case or per visit.")] = "none",
    workers: Annotated[int | None, typer.Option(help="Ray workers; default: this process.", min=1)] = None,
    ray_address: Address = None,
    set_: Sets = None,
) -> None:
    """Compare topologies on the same simulated cases: rates, paired differences, exact tests."""
    with one_line():
        from constitutions.errors import InputError
        from experiments.lab.commands import compare_command
        from experiments.lab.keep import Keep

        flags = {"dataset.size": size, "seed": seed, "execution.workers": workers, "execution.address": ray_address}
        given = [f"{key}={value}" for key, value in flags.items() if value is not None]
        if workers is not None or ray_address is not None:
            given.append("execution.executor=ray")
        if records != "none" and out is None:
            raise InputError(f"--records {records} needs --out, a folder to keep them in")
        keep = None if out is None else Keep(out, records)
        compare_command(graphs or [], config, metric, json, [*(set_ or []), *given], keep)


def sweep(
    config: Annotated[Path, typer.Argument(help="A sweep's YAML file.")],
    out: Annotated[
        Path | None, typer.Option(help="Its folder; default runs/sweep-NAME. An old one is gone on with.")
    ] = None,
) -> None:
    """Sweep over settings of a simulated experiment: grid, random or successive halving; resumable."""
    with one_line():
        from experiments.lab.commands import sweep_command

        failed = sweep_command(config, out)
    if failed:
        raise typer.Exit(1)
