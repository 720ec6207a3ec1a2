"""How a command tells a person of their own mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from constitutions.errors import OversightError
from hierarchy.audit.safe_text import visible


@contextmanager
def one_line() -> Iterator[None]:
    """A person's mistake is one line and exit code 2 (a broken gate: 1); nobody sees a traceback for their own mistake.

    What the line repeats of a file or of reviewed text cannot steer the terminal.
    """
    try:
        yield
    except OversightError as error:
        typer.echo(f"oversight: {visible(str(error), lines=True)}", err=True)
        raise typer.Exit(error.exit_code) from None
