"""What `oversight topology` does: the table of builders, drawings in text and SVG, and the size of a compiled graph."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from constitutions.constitution import Constitution, load_constitution
from constitutions.errors import InputError
from experiments.report.drawing import draw_graph
from experiments.report.picture import drawn_graph, in_words
from hierarchy.audit.safe_text import visible
from hierarchy.builders import BUILDERS, parameters
from hierarchy.compile import compile_graph
from hierarchy.graph import RESPONSE, Edge, OversightGraph, Step
from hierarchy.plan import Plan
from hierarchy.size import size_of
from hierarchy.topology import named_graph, shipped


def list_command() -> None:
    """`oversight topology list`."""
    table = Table(box=box.SIMPLE, pad_edge=False, show_lines=True)
    table.add_column("builder", no_wrap=True)
    table.add_column("what it is", ratio=1)
    table.add_column("parameters, with their defaults", ratio=1)
    for name, family in BUILDERS.items():
        given = [f"{one.name}={as_text(one.default)} ({one.accepted})" for one in parameters(family)]
        table.add_row(Text(name, "bold"), Text(first_sentence(family.about)), Text("\n".join(given)))
    console = Console()
    console.print(table)
    console.print(f"Shipped as files, by name: {', '.join(shipped())}.", highlight=False)


def draw_command(name: str, overrides: Sequence[str], out: Path | None) -> None:
    """`oversight topology draw`."""
    graph = named_graph(name, overrides)
    # A graph with a fault would be drawn wrong; its fault is told instead.
    compiled(graph, "general")
    if out is None:
        Console().print(Text(as_lines(graph)), soft_wrap=True)
        return
    try:
        out.write_text(as_svg(graph) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written: {error.strerror}") from None


def check_command(name: str, overrides: Sequence[str], constitution: str) -> None:
    """`oversight topology check`."""
    size = size_of(compiled(named_graph(name, overrides), constitution))
    rows = (
        ("steps", size.steps),
        ("edges", size.edges),
        ("steps, loops unrolled", size.instances),
        ("edges, loops unrolled", size.ways),
        ("longest path, in steps", size.longest),
        ("model calls per case, at most", size.calls),
    )
    width = max(len(what) for what, _ in rows)
    lines = [f"{what:<{width}}  {count}" for what, count in rows]
    Console().print(Text("\n".join(lines)), soft_wrap=True)


def compiled(graph: OversightGraph, constitution: str) -> Plan:
    """The graph's plan with whatever agents it names. Raises InputError."""

    @cache
    def load(other: str | None) -> Constitution:
        return load_constitution(other or constitution)

    return compile_graph(graph, {step.agent for step in graph.steps if step.agent is not None}, load)


def as_svg(graph: OversightGraph) -> str:
    """The graph as a report shows it."""
    return draw_graph(*drawn_graph(graph), graph.title or graph.name)


def as_lines(graph: OversightGraph) -> str:
    """The graph in text: every step with what it sees, below it its ways on."""
    width = max(len(visible(step.id)) for step in graph.steps)
    lines = [visible(graph.title or graph.name)]
    for step in graph.steps:
        lines.append(f"{visible(step.id):<{width}}  {visible(_described(step))}")
        on = [edge for edge in graph.edges if edge.source == step.id]
        always = [edge.to for edge in on if edge.when is None and edge.max_rounds is None and not edge.exhausted]
        if always:
            lines.append(f"{'':<{width}}    -> {visible(', '.join(always))}")
        lines += [f"{'':<{width}}    -> {visible(edge.to)}: {visible(_words(edge))}" for edge in on if _words(edge)]
    return "\n".join([*lines, f"whatever finds no way on -> {visible(graph.fallback)}"])


def _described(step: Step) -> str:
    parts = [step.role.value if step.agent in (None, step.role.value) else f"{step.role.value} {step.agent}"]
    if step.side is not None:
        parts.append(f"for the {step.side.value}")
    if step.rule is not None:
        parts.append(f"{step.rule.kind.replace('_', ' ')} of {', '.join(step.members)}")
    if step.subject != RESPONSE:
        parts.append(f"on {step.subject}")
    if step.options:
        parts.append(f"of {', '.join(step.options)}")
    if step.reads:
        parts.append(f"reads {', '.join(read.step for read in step.reads)}")
    return ", ".join(parts)


def _words(edge: Edge) -> str:
    words = [in_words(edge.when)] if edge.when is not None else []
    if edge.max_rounds is not None:
        words.append(f"at most {edge.max_rounds} times" if edge.max_rounds > 1 else "once")
    return ", ".join([*words, *(["rounds used up"] if edge.exhausted else [])])


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence."""
    head, dot, _ = text.partition(". ")
    return head + "." if dot else text


def as_text(value: object) -> str:
    """A default as it would be written in YAML."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case tuple():
            return f"[{', '.join(map(str, value))}]"
        case float():
            return f"{value:g}"
        case _:
            return str(value)
