"""The oversight graphs of a page: each distinct one drawn once, with the arms that share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from experiments.report.data import Drawable
from experiments.report.drawing import draw_graph, placed
from experiments.results.arms import DrawnEdge, DrawnNode

Picture = Literal["png", "svg"]
PICTURES = "figures"
WIDE = 640


@dataclass(frozen=True, slots=True)
class Drawing:
    """A graph as it is drawn, with the titles of the arms that share it."""

    titles: tuple[str, ...]
    description: str
    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]

    @property
    def svg(self) -> str:
        """The drawing as an SVG element."""
        return draw_graph(self.nodes, self.edges, f"Oversight graph of {self.titles[0]}")

    @property
    def wide(self) -> bool:
        """Whether it needs a row of its own."""
        return placed(self.nodes, self.edges)[0].width > WIDE


def drawings(arms: Sequence[Drawable]) -> tuple[Drawing, ...]:
    """One drawing per distinct graph."""
    drawn: dict[Any, list[Drawable]] = {}
    for arm in arms:
        drawn.setdefault((arm.nodes, arm.edges), []).append(arm)
    return tuple(
        Drawing(tuple(dict.fromkeys(arm.title for arm in same)), same[0].description, nodes, edges)
        for (nodes, edges), same in drawn.items()
        if nodes
    )
