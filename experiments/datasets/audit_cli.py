"""`oversight dataset audit`: what training data look like before anything is trained on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.terminal.one_line import one_line

Files = list[Path] | None


def register(app: typer.Typer) -> None:
    """Add the command to the group of commands about datasets."""
    app.command("audit")(audit)


def audit(
    data: Annotated[Path, typer.Argument(help="A training set (.jsonl, .jsonl.gz, .csv), or the directory of a run.")],
    against: Annotated[Files, typer.Option(help="A file of evaluation prompts. Repeatable.")] = None,
    reference: Annotated[Files, typer.Option(help="A file of answers to compare with. Repeatable.")] = None,
    constitution: Annotated[str | None, typer.Option(help="Whose principles the set should cover.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the audit as JSON.")] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change the gate: key.sub=value. Repeatable.")] = None,
) -> None:
    """Audit training data: repeats, leaks, diversity, drift, coverage, label noise; exit code 1 beyond a limit."""
    with one_line():
        from experiments.datasets.auditing import Asked, audit_command

        asked = Asked(data, tuple(against or ()), tuple(reference or ()), constitution, tuple(set_ or ()))
        if not audit_command(asked, json_):
            raise typer.Exit(1)
