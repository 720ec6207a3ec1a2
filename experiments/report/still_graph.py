"""A drawn oversight graph as a matplotlib figure, with the layout, colours and words of the SVG."""

from __future__ import annotations

import re
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve

from experiments.report.drawing import ROLE_COLOURS, path_of, placed, shortened, subtitle
from experiments.report.layout import LINE, Box, Route
from experiments.results.arms import DrawnEdge, DrawnNode

PIXELS = 96


def paint_graph(nodes: Sequence[DrawnNode], edges: Sequence[DrawnEdge]) -> Figure:
    """The graph as a figure of the SVG's size. Raises ValueError where an edge names no node."""
    layout, labels = placed(nodes, edges)
    figure = Figure(figsize=(layout.width / PIXELS, layout.height / PIXELS))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(layout.left, layout.left + layout.width), ylim=(layout.height, 0))
    axes.set_axis_off()
    for edge, route in zip(edges, layout.routes, strict=True):
        _line(axes, edge, route)
    for lines, route in zip(labels, layout.routes, strict=True):
        _label(axes, lines, route)
    for node in nodes:
        _node(axes, node, layout.boxes[node.id])
    return figure


def _node(axes: Axes, node: DrawnNode, box: Box) -> None:
    fill, _, line = ROLE_COLOURS.get(node.role, ROLE_COLOURS["start"])
    corner = (box.x - box.width / 2, box.y - box.height / 2)
    round_ = box.height / 2 if node.role == "sink" else 7
    shape = f"round,pad=0,rounding_size={round_}"
    axes.add_patch(FancyBboxPatch(corner, box.width, box.height, shape, facecolor=fill, edgecolor=line, linewidth=1.1))
    below = subtitle(node)
    axes.text(box.x, box.y - (6 if below else 0), shortened(node.title), ha="center", va="center", fontsize=9)
    if below:
        axes.text(box.x, box.y + 10, below, ha="center", va="center", fontsize=7.5, color="#5c5c58")


def _line(axes: Axes, edge: DrawnEdge, route: Route) -> None:
    dashed = "--" if route.back or edge.back else "-"
    arrow = FancyArrowPatch(
        path=curve(path_of(route)), arrowstyle="-|>", mutation_scale=9, linestyle=dashed, color="#77776f",
        linewidth=1.0, shrinkA=0, shrinkB=0,
    )  # fmt: skip
    axes.add_patch(arrow)


def _label(axes: Axes, lines: Sequence[str], route: Route) -> None:
    (x, y), first = route.label, (len(lines) - 1) * LINE / 2
    for i, line in enumerate(lines):
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        axes.text(x, y - first + i * LINE, line, ha="center", va="center", fontsize=7.5, bbox=paper)


def curve(path: str) -> Curve:
    """A path of SVG's commands M, C, H, V and Q (absolute) as a matplotlib path."""
    points: list[tuple[float, float]] = []
    codes: list[int] = []
    for command, told in re.findall(r"([MCHVQ])([^MCHVQ]*)", path):
        numbers = [float(number) for number in told.split()]
        x, y = points[-1] if points else (0.0, 0.0)
        match command:
            case "H":
                numbers, code = [numbers[0], y], Curve.LINETO
            case "V":
                numbers, code = [x, numbers[0]], Curve.LINETO
            case _:
                code = {"M": Curve.MOVETO, "C": Curve.CURVE4, "Q": Curve.CURVE3}[command]
        points += list(zip(numbers[::2], numbers[1::2], strict=True))
        codes += [int(code)] * (len(numbers) // 2)
    return Curve(points, codes)
