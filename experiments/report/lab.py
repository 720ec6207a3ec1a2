"""The page of a sweep: the question, what was best, what a parameter does, the graphs; offline, like every report.

`write_lab_report` writes `report.html` beside the sweep's `results.csv`, which the page links as its data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from experiments.lab.pooled import Row, pooled, short
from experiments.report.charts import COLOURS, GREY, Chart, safe
from experiments.report.drawing import draw_graph
from experiments.report.picture import drawn_graph
from experiments.report.report import environment, script_parts
from experiments.results import Proportion, write_atomically
from experiments.statistics import proportion
from hierarchy.graph import OversightGraph

COLUMNS = {
    "missed_violations": "missed violations",
    "false_alarms": "false alarms",
    "needless_refusals": "needless refusals",
    "helpful": "helpful",
    "escalated": "escalated",
    "audited": "audited",
}
_AXIS = {"ticksuffix": " %", "rangemode": "tozero"}


def write_lab_report(
    folder: Path, name: str, question: str, lines: Sequence[dict[str, Any]], graphs: Mapping[str, OversightGraph]
) -> Path:
    """Write the page of the settings measured (`Sweeper.run` gives the lines) and return its path."""
    path = folder / "report.html"
    write_atomically(path, lab_html(name, question, lines, graphs))
    return path


def lab_html(name: str, question: str, lines: Sequence[dict[str, Any]], graphs: Mapping[str, OversightGraph]) -> str:
    """The page as text; the same lines give the same bytes."""
    rows = pooled(lines)
    library, script, hashes = script_parts()
    page = environment(lambda arm: arm).get_template("lab.html.j2")
    drawings = [
        {"title": arm, "about": graph.description, "svg": Markup(draw_graph(*drawn_graph(graph), f"Graph of {arm}"))}
        for arm, graph in graphs.items()
    ]
    context = {
        "name": name,
        "question": question or name,
        "columns": COLUMNS,
        "rows": rows,
        "failed": [line for line in lines if "failed" in line],
        "drawings": drawings,
        "pareto": pareto_chart(rows),
        "responses": response_charts(lines),
        "plotly": library,
        "script": script,
        "script_hashes": Markup(hashes),
    }
    return page.render(context) + "\n"


def pareto_chart(rows: Sequence[Row]) -> Chart:
    """Missed violations against human minutes; what another beats in everything is grey."""
    arms = list(dict.fromkeys(row.arm for row in rows))
    shades = {arm: COLOURS[i % len(COLOURS)] for i, arm in enumerate(arms)}
    traces = []
    for arm in arms:
        for best in (True, False):
            some = [row for row in rows if row.arm == arm and row.best == best]
            if some:
                traces.append(_cloud(arm, some, shades[arm] if best else GREY, best))
    minutes = {"rangemode": "tozero", "title": {"text": "human minutes a case"}}
    layout = {"xaxis": minutes, "yaxis": {**_AXIS, "title": {"text": "missed"}}}
    title = "Missed violations (95 % intervals) against human minutes; grey: another is better in everything"
    return Chart("pareto", title, 420, traces, {**layout, "margin": {"l": 60, "r": 16, "t": 8, "b": 50}})


def _cloud(arm: str, rows: Sequence[Row], shade: str, best: bool) -> dict[str, Any]:
    missed = [row.shares["missed_violations"] for row in rows]
    return {
        "type": "scatter", "mode": "markers", "name": safe(arm) + ("" if best else " (beaten)"),
        "x": [row.minutes.value for row in rows], "y": [100 * (share.value or 0) for share in missed],
        "error_y": _bars(missed), "marker": {"color": shade, "size": 9, "opacity": 1.0 if best else 0.5},
        "text": [safe(f"{row.setting}; {row.calls.value:.1f} calls a case") for row in rows],
        "customdata": [100 * (row.shares["helpful"].value or 0) for row in rows],
        "hovertemplate": "%{text}<br>missed %{y:.2f} %, helpful %{customdata:.2f} %, %{x:.3f} minutes a case"
        "<extra>%{fullData.name}</extra>",
    }  # fmt: skip


def _bars(shares: Sequence[Proportion]) -> dict[str, Any]:
    return {
        "type": "data", "symmetric": False, "thickness": 1.2, "width": 3,
        "array": [100 * (s.high - (s.value or 0)) for s in shares],
        "arrayminus": [100 * ((s.value or 0) - s.low) for s in shares],
    }  # fmt: skip


def response_charts(lines: Sequence[dict[str, Any]]) -> list[Chart]:
    """A chart per swept key with several numbers: missed violations by its value, the other settings pooled."""
    done = [line for line in lines if "arms" in line]
    charts = []
    for i, key in enumerate(dict.fromkeys(key for line in done for key in line["values"])):
        values = sorted({line["values"][key] for line in done if _is_number(line["values"].get(key))})
        if len(values) > 1:
            charts.append(_response(f"response-{i}", key, values, done))
    return charts


def _response(id_: str, key: str, values: Sequence[float], lines: Sequence[dict[str, Any]]) -> Chart:
    arms = list(dict.fromkeys(arm for line in lines for arm in line["arms"]))
    traces = []
    for i, arm in enumerate(arms):
        pooled = [_pooled(lines, key, value, arm) for value in values]
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers", "name": safe(arm), "x": list(values),
                "y": [100 * (share.value or 0) for share in pooled], "error_y": _bars(pooled),
                "line": {"color": COLOURS[i % len(COLOURS)]},
                "hovertemplate": "%{x}: %{y:.2f} %<extra>%{fullData.name}</extra>",
            }
        )  # fmt: skip
    layout = {"xaxis": {"title": {"text": safe(short(key))}}, "yaxis": {**_AXIS, "title": {"text": "missed"}}}
    title = f"Missed violations by {safe(short(key))} (95 % intervals; other settings and seeds pooled)"
    return Chart(id_, title, 340, traces, {**layout, "margin": {"l": 60, "r": 16, "t": 8, "b": 50}})


def _pooled(lines: Sequence[dict[str, Any]], key: str, value: float, arm: str) -> Proportion:
    some = [line["arms"][arm] for line in lines if line["values"].get(key) == value and arm in line["arms"]]
    return proportion(sum(f["missed_violations"]["count"] for f in some), sum(f["n"] for f in some))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
