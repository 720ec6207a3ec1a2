"""Every figure of a page as a picture, PNG or SVG: the charts' own traces and the graphs' own layout, by matplotlib.

No browser and no network are needed. The same figures give the same bytes.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from experiments.report.charts import COLOURS, Chart
from experiments.report.drawings import Drawing, Picture
from experiments.report.still_graph import paint_graph

STYLE: Any = {
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#e4e4de",
    "axes.axisbelow": True, "svg.hashsalt": "oversight", "svg.fonttype": "none",
    "text.parse_math": False, "savefig.dpi": 160,
}  # fmt: skip
WIDTH, PIXELS, LONGEST = 7.2, 96, 44
_ANCHORS = {"top right": (5, 5), "bottom right": (5, -11), "top left": (-5, 5), "bottom left": (-5, -11)}


def write_pictures(folder: Path, charts: Sequence[Chart], drawings: Sequence[Drawing], kind: Picture) -> list[Path]:
    """Write `chart-ID` for every chart and `graph-N` for every drawn graph, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with mpl.rc_context(STYLE):
        for chart in charts:
            written.append(folder / f"chart-{chart.id}.{kind}")
            _save(paint(chart), written[-1])
        for number, drawing in enumerate(drawings, start=1):
            written.append(folder / f"graph-{number}.{kind}")
            if kind == "svg":
                written[-1].write_text(drawing.svg + "\n", encoding="utf-8")
            else:
                _save(paint_graph(drawing.nodes, drawing.edges), written[-1])
    return written


def _save(figure: Figure, path: Path) -> None:
    undated = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, metadata=undated, bbox_inches="tight", facecolor="white")


def paint(chart: Chart) -> Figure:
    """A chart as a figure. Raises ValueError for a kind of trace that no chart of ours has."""
    figure = Figure(figsize=(WIDTH, max(1.8, (chart.height + 40) / PIXELS)), layout="constrained")
    axes = figure.add_subplot()
    bars = [trace for trace in chart.data if trace["type"] == "bar"]
    for trace in chart.data:
        match trace["type"]:
            case "scatter":
                _points(axes, trace)
            case "bar":
                _bars(axes, trace, bars.index(trace), len(bars))
            case "heatmap":
                _heatmap(axes, trace)
            case other:
                raise ValueError(f"chart {chart.id}: no way to draw a trace of type {other!r}")
    _axis(axes, "x", chart.layout.get("xaxis", {}))
    _axis(axes, "y", chart.layout.get("yaxis", {}))
    axes.set_title(_title(chart.title), loc="left", fontsize=9.5, fontweight="bold", pad=8)
    named = [trace for trace in chart.data if trace.get("name")]
    if named and chart.layout.get("showlegend", True):
        figure.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=8)
    return figure


def _points(axes: Axes, trace: Mapping[str, Any]) -> None:
    shade = trace.get("marker", {}).get("color") or trace.get("line", {}).get("color") or COLOURS[0]
    lines = "lines" in trace["mode"]
    axes.errorbar(
        trace["x"], _known(trace["y"]), xerr=_ends(trace.get("error_x")), yerr=_ends(trace.get("error_y")),
        color=shade, alpha=trace.get("marker", {}).get("opacity", 1.0), linestyle="-" if lines else "none",
        linewidth=1.5, elinewidth=1.2, capsize=3, markersize=6, marker="o" if "markers" in trace["mode"] else "",
        label=_text(trace.get("name", "")) if trace.get("showlegend", True) else "_nolegend_",
        clip_on=trace.get("cliponaxis", True),
    )  # fmt: skip
    if "text" in trace["mode"]:
        offset = _ANCHORS[trace.get("textposition", "top right")]
        side = "left" if offset[0] > 0 else "right"
        for x, y, text in zip(trace["x"], trace["y"], trace["text"], strict=True):
            axes.annotate(_text(text), (x, y), xytext=offset, textcoords="offset points", ha=side, fontsize=8)


def _bars(axes: Axes, trace: Mapping[str, Any], place: int, count: int) -> None:
    names = [_text(name) for name in trace["y"]]
    order = {name: i for i, name in enumerate(dict.fromkeys(names))}
    height = 0.7 / count
    at = [order[name] + (place - (count - 1) / 2) * height for name in names]
    axes.barh(
        at, _known(trace["x"]), height=0.9 * height, color=trace["marker"]["color"], xerr=_ends(trace.get("error_x")),
        error_kw={"elinewidth": 1.2, "capsize": 3, "ecolor": "#1c1c1a"}, label=_text(trace.get("name", "")),
    )  # fmt: skip
    axes.set_yticks(list(order.values()), list(order))
    axes.grid(visible=False, axis="y")


def _heatmap(axes: Axes, trace: Mapping[str, Any]) -> None:
    shades = LinearSegmentedColormap.from_list("page", [tuple(stop) for stop in trace["colorscale"]])
    values = [_known(row) for row in trace["z"]]
    axes.imshow(values, cmap=shades, vmin=trace["zmin"], vmax=trace["zmax"], aspect="auto")
    axes.set_xticks(range(len(trace["x"])), [_text(name) for name in trace["x"]])
    axes.set_yticks(range(len(trace["y"])), [_text(name) for name in trace["y"]])
    axes.grid(visible=False)
    for i, row in enumerate(trace["text"]):
        for j, text in enumerate(row):
            dark = values[i][j] > (trace["zmin"] + trace["zmax"]) / 2
            axes.text(j, i, text, ha="center", va="center", color="white" if dark else "#1c1c1a")


def _axis(axes: Axes, name: str, layout: Mapping[str, Any]) -> None:
    axis = getattr(axes, f"{name}axis")
    limit = getattr(axes, f"set_{name}lim")
    axis.label.set_text(_text(layout.get("title", {}).get("text", "")))
    if "tickvals" in layout:
        axis.set_ticks(layout["tickvals"], labels=[_text(text) for text in layout["ticktext"]])
    elif suffix := layout.get("ticksuffix"):
        axis.set_major_locator(MaxNLocator(layout.get("nticks", 6)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}{suffix}"))
    if layout.get("showgrid") is False:
        axes.grid(visible=False, axis=name)  # type: ignore[arg-type]
    if "range" in layout:
        limit(*layout["range"])
    elif layout.get("rangemode") == "tozero":
        low, high = getattr(axes, f"get_{name}lim")()
        limit(min(0.0, low) if low < 0 and _below_zero(axes, name) else 0.0, high)
    if layout.get("autorange") == "reversed" and not axis.get_inverted():
        axis.set_inverted(True)


def _below_zero(axes: Axes, name: str) -> bool:
    low = axes.dataLim.x0 if name == "x" else axes.dataLim.y0
    return bool(low < 0)


def _ends(errors: Mapping[str, Any] | None) -> list[list[float]] | None:
    """Lengths of error bars, down and up; an end that the data do not bound has none."""
    if errors is None:
        return None
    return [[max(0.0, end or 0.0) for end in errors[side]] for side in ("arrayminus", "array")]


def _known(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _title(text: str) -> str:
    lines = textwrap.wrap(html.unescape(text), 92, max_lines=3, placeholder=" …")
    return "\n".join(lines)


def _text(text: str) -> str:
    """Plain text of a label that the page escapes, cut where it is long."""
    plain = html.unescape(str(text))
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"
