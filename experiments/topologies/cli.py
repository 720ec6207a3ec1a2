"""`oversight topology`: what graphs there are, what they look like, and whether one compiles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.terminal.one_line import one_line

topology = typer.Typer(help="Oversight graphs: list them, draw them, check them.", no_args_is_help=True)

Graph = Annotated[
    str, typer.Argument(help="A builder (NAME:key=value,...), a shipped topology, or a YAML or JSON file.")
]
Sets = Annotated[list[str] | None, typer.Option("--set", help="A builder's parameter, or a file's key. Repeatable.")]


@topology.command("list")
def list_() -> None:
    """Print every builder with its parameters, their defaults and what they are for."""
    with one_line():
        from experiments.topologies.commands import list_command

        list_command()


@topology.command()
def draw(
    graph: Graph,
    set_: Sets = None,
    out: Annotated[Path | None, typer.Option(help="Write an SVG file here; without it, print text.")] = None,
) -> None:
    """Draw a graph, as text or as SVG."""
    with one_line():
        from experiments.topologies.commands import draw_command

        draw_command(graph, set_ or [], out)


@topology.command()
def check(
    graph: Graph,
    set_: Sets = None,
    constitution: Annotated[str, typer.Option(help="A shipped constitution or a file.")] = "general",
) -> None:
    """Compile a graph and print its size, or the one line that says what is wrong."""
    with one_line():
        from experiments.topologies.commands import check_command

        check_command(graph, set_ or [], constitution)


@topology.command()
def docs(folder: Annotated[Path, typer.Argument(help="The folder of topologies.md and its drawings.")]) -> None:
    """Write the page about the builders, and their drawings, again."""
    with one_line():
        from experiments.topologies.docs import docs_command

        docs_command(folder)
