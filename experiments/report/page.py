"""A page with what stands beside it: the data behind every table and figure, and pictures of the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from experiments.report.charts import Chart
from experiments.report.data import Data, Drawable, write_data
from experiments.report.drawing import draw_graph, placed
from experiments.results import DrawnEdge, DrawnNode, write_atomically

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


@dataclass(frozen=True, slots=True)
class Page:
    """A self-contained page, the tables it links by name, its charts and its drawn graphs."""

    html: str
    data: Mapping[str, Data]
    charts: Sequence[Chart] = field(default=())
    drawings: Sequence[Drawing] = field(default=())

    def write(self, path: Path, pictures: Picture | None = None) -> Path:
        """Write the page to `path`, `data/` beside it, and with `pictures` every figure as a file in `figures/`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_data(path.parent, self.data)
        write_atomically(path, self.html)
        if pictures is not None:
            from experiments.report.still import write_pictures  # matplotlib takes a second to import

            write_pictures(path.parent / PICTURES, self.charts, self.drawings, pictures)
        return path


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
