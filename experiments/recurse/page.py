"""The page of a recursion: a small chart per metric over the rounds, a line per arm, and the tables behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from agents.figures import Estimate
from constitutions.files import write_atomically
from experiments.recurse.metrics import METRICS, measured_metrics
from experiments.recurse.results import ArmRecursion, RecursionResults
from experiments.recurse.words import changed, ends, figure, is_share
from experiments.report.charts import Chart, colours, safe
from experiments.report.data import Data, write_data
from experiments.report.report import REPORT_FILE, environment, script_parts

_ARROWS = {"lower": "\u00a0↓", "higher": "\u00a0↑", "neither": ""}


def write_recursion_page(results: RecursionResults, folder: Path) -> Path:
    """Write `report.html` and the figures behind it as `data/rounds.csv` and `data/contrasts.csv`; returns the page."""
    library, script, hashes = script_parts()
    told = measured_metrics(results.arms)
    context = {
        "results": results,
        "metrics": {name: METRICS[name] for name in told},
        "arrows": _ARROWS,
        "charts": [_chart(results, name) for name in told],
        "figure": figure,
        "ends": ends,
        "changed": changed,
        "plotly": library,
        "script": script,
        "script_hashes": Markup(hashes),
    }
    titles = {arm.arm: arm.title for arm in results.arms}
    page = environment(lambda arm: titles.get(arm, arm)).get_template("recurse.html.j2")
    write_atomically(folder / REPORT_FILE, page.render(context) + "\n")
    write_data(folder, {"rounds": _rounds(results), "contrasts": _contrasts(results)})
    return folder / REPORT_FILE


def _chart(results: RecursionResults, metric: str) -> Chart:
    """The metric over the rounds with 95 % intervals; arms are set side by side, so that intervals can be read."""
    shades = colours([arm.arm for arm in results.arms])
    spread = [0.12 * (i - (len(results.arms) - 1) / 2) for i in range(len(results.arms))]
    traces = [_line(arm, metric, shades[arm.arm], at) for arm, at in zip(results.arms, spread, strict=True)]
    unit = "%" if is_share(metric) else "nats"
    last = max(len(arm.rounds) for arm in results.arms) - 1
    layout = {
        "xaxis": {"title": {"text": "round"}, "dtick": 1, "range": [-0.4, last + 0.4], "zeroline": False},
        "yaxis": {"title": {"text": unit}, "automargin": True},
        "showlegend": len(results.arms) > 1,
        "margin": {"l": 48, "r": 12, "t": 8, "b": 44},
    }
    title = METRICS[metric].title + _ARROWS[METRICS[metric].better]
    return Chart(f"recurse-{metric.replace('_', '-')}", title, 260, traces, layout)


def _line(arm: ArmRecursion, metric: str, shade: str, offset: float) -> dict[str, Any]:
    scale = 100 if is_share(metric) else 1
    some = [(each.round, each.measures[metric].value) for each in arm.rounds if metric in each.measures]
    shown = [(number, *_points(value, scale)) for number, value in some if value.value is not None]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": safe(arm.title),
        "x": [number + offset for number, *_ in shown],
        "y": [value for _, value, _, _ in shown],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "thickness": 1.2,
            "width": 3,
            "array": [high - value for _, value, _, high in shown],
            "arrayminus": [value - low for _, value, low, _ in shown],
        },
        "line": {"color": shade, "width": 1.8},
        "marker": {"color": shade, "size": 6},
        "hovertemplate": "%{y:.2f}<extra>%{fullData.name}</extra>",
    }


def _points(estimate: Estimate, scale: int) -> tuple[float, float, float]:
    """Value and ends; an end that the data do not bound is the value."""
    value = estimate.value or 0.0
    low, high = (value if end is None else end for end in (estimate.low, estimate.high))
    return scale * value, scale * low, scale * high


def _rounds(results: RecursionResults) -> Data:
    """A row per arm, round and metric: value and interval, and the change since the first base and the one before."""
    figures = [f"{name}{end}" for name in ("", "change_", "step_") for end in ("value", "low", "high")]
    head = ("arm", "round", "metric", *figures)
    rows = []
    for arm in results.arms:
        for each in arm.rounds:
            for metric, measured in each.measures.items():
                cells = [measured.value, measured.change, measured.step]
                flat = [x for e in cells for x in ((e.value, e.low, e.high) if e is not None else (None,) * 3)]
                rows.append((arm.arm, each.round, metric, *flat))
    return Data(head, tuple(rows))


def _contrasts(results: RecursionResults) -> Data:
    head = ("a", "b", "metric", "round", "difference", "low", "high")
    return Data(
        head,
        tuple(
            (c.a, c.b, c.metric, c.round, c.difference.value, c.difference.low, c.difference.high)
            for c in results.contrasts
        ),
    )
