"""`oversight audit serve` and `oversight audit token`, from the command line."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from experiments.terminal.one_line import one_line

token = typer.Typer(help="Who may use the page of a run.", no_args_is_help=True)

Run = Annotated[Path, typer.Argument(help="The directory of a run.")]
Name = Annotated[str, typer.Argument(help="The person's name, under which they decide.")]
Database = Annotated[str | None, typer.Option(help="Another way to the run's shared database: a URL.")]


class RoleOption(StrEnum):
    """What a person may do on the page."""

    READ_ONLY = "read-only"
    AUDITOR = "auditor"
    ADJUDICATOR = "adjudicator"
    ADMIN = "admin"


def serve(
    run: Run,
    host: Annotated[str, typer.Option(help="Where to listen; default: this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8765,
    tls_cert: Annotated[Path | None, typer.Option(help="A PEM file: speak TLS.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key.")] = None,
    insecure_http: Annotated[
        bool, typer.Option("--insecure-http", help="Plain HTTP where others can reach it; only behind a TLS proxy.")
    ] = False,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A host name (and port) people reach it by. Repeatable.")
    ] = None,
    lease_minutes: Annotated[float, typer.Option(help="How long a case is held.")] = 15.0,
    database: Database = None,
) -> None:
    """Serve the page on which people answer the cases that wait, until Ctrl-C."""
    with one_line():
        from experiments.audit.page.address import Address
        from experiments.audit.page.serve import serve_command

        address = Address(host, port, tls_cert, tls_key, insecure_http, tuple(allow_host or ()))
        serve_command(run, address, lease_minutes, database)


@token.command("add")
def token_add(
    run: Run,
    name: Name,
    role: Annotated[RoleOption, typer.Option(help="What they may do.")] = RoleOption.AUDITOR,
    days: Annotated[float, typer.Option(help="How long it is valid.")] = 30.0,
    database: Database = None,
) -> None:
    """Make a token and print it, this once."""
    with one_line():
        from experiments.audit.page.token import add_command
        from hierarchy.audit.access import Role

        add_command(run, name, Role(role.value), days, database)


@token.command("list")
def token_list(run: Run, database: Database = None) -> None:
    """List who has, or had, a token."""
    with one_line():
        from experiments.audit.page.token import list_command

        list_command(run, database)


@token.command("revoke")
def token_revoke(run: Run, name: Name, database: Database = None) -> None:
    """Take a token back, and end the sessions it began."""
    with one_line():
        from experiments.audit.page.token import revoke_command

        revoke_command(run, name, database)
