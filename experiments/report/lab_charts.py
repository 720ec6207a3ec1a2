"""The charts of a sweep: the Pareto front, and dose-response curves of every metric of its table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.figures import Proportion
from experiments.lab.plan import Metric
from experiments.lab.pooled import SHARES, Row, mean_of, share_of, short, shown
from experiments.report.charts import COLOURS, GREY, Chart, safe
from experiments.report.data import Figure
from experiments.report.measure_charts import spread

COLUMNS = {
    "missed_violations": "missed violations",
    "false_alarms": "false alarms",
    "needless_refusals": "needless refusals",
    "helpful": "helpful",
    "escalated": "escalated",
    "audited": "audited",
    "minutes_per_case": "human minutes a case",
    "calls_per_case": "model calls a case",
}
"""The metrics of the table, and what they are called."""
ACROSS = ("minutes_per_case", "calls_per_case", "helpful")
_AXIS = {"ticksuffix": " %", "rangemode": "tozero"}
_MARGIN = {"l": 60, "r": 16, "t": 30, "b": 50}


@dataclass(frozen=True, slots=True)
class Curve:
    """What an arm has of a metric at every value of a swept key, the other settings and seeds pooled."""

    key: str
    metric: str
    arm: str
    values: tuple[Any, ...]
    figures: tuple[Figure, ...]


def pareto_charts(rows: Sequence[Row], arms: Sequence[str]) -> list[Chart]:
    """Missed violations against what else the front is over, arms coloured in this order; what is dominated is grey."""
    return [_pareto(name, rows, arms) for name in ACROSS]


def _pareto(name: str, rows: Sequence[Row], arms: Sequence[str]) -> Chart:
    traces = []
    for best in (False, True):  # the front is drawn on top
        for i, arm in enumerate(arms):
            some = [row for row in rows if row.arm == arm and row.best == best]
            if some:
                traces.append(_cloud(name, arm, some, COLOURS[i % len(COLOURS)] if best else GREY, best))
    scale = _AXIS if name in SHARES else {}
    across = {
        **scale,
        "rangemode": "normal" if name in SHARES else "tozero",
        "title": {"text": COLUMNS[name]},
        "zeroline": False,
    }
    layout = {"xaxis": across, "yaxis": {**_AXIS, "title": {"text": "missed"}}, "margin": _MARGIN}
    return Chart(f"pareto-{name}", f"Missed violations against {COLUMNS[name]}", 380, traces, layout)


def _cloud(name: str, arm: str, rows: Sequence[Row], shade: str, best: bool) -> dict[str, Any]:
    missed, across = ([row.figures[metric] for row in rows] for metric in ("missed_violations", name))
    return {
        "type": "scatter", "mode": "markers", "name": safe(arm) + ("" if best else " (dominated)"),
        "x": _scaled(across), "y": _scaled(missed), "error_x": _errors(across), "error_y": _errors(missed),
        "marker": {"color": shade, "size": 9, "opacity": 1.0 if best else 0.5},
        "cliponaxis": False, "text": [safe(row.setting) for row in rows],
        "hovertemplate": "%{text}<br>missed %{y:.2f} %, %{x:.3g}<extra>%{fullData.name}</extra>",
    }  # fmt: skip


def curves(lines: Sequence[dict[str, Any]]) -> list[Curve]:
    """A curve per swept key with several values, metric and arm. Of a sequential search only the cases of the first
    look count, which every setting had: later ones are those of the settings that did well."""
    done = [
        {**line, "arms": line["early"], "sequential": False} if "early" in line else line
        for line in lines
        if "arms" in line
    ]
    found = []
    for key in dict.fromkeys(key for line in done for key in line["values"]):
        groups = _by_value([line for line in done if key in line["values"]], key)
        arms = dict.fromkeys(arm for line in done for arm in line["arms"])
        for metric in COLUMNS if len(groups) > 1 else ():
            found += [_curve(key, metric, arm, groups) for arm in arms]
    return found


Group = tuple[Any, list[dict[str, Any]]]


def _by_value(lines: Sequence[dict[str, Any]], key: str) -> list[Group]:
    """The lines of every value of the key: numbers by size, other values as they came."""
    groups: dict[str, Group] = {}
    for line in lines:
        value = line["values"][key]
        groups.setdefault(json.dumps(value, sort_keys=True), (value, []))[1].append(line)
    found = list(groups.values())
    return sorted(found, key=lambda group: group[0]) if all(is_number(value) for value, _ in found) else found


def _curve(key: str, metric: str, arm: str, groups: Sequence[Group]) -> Curve:
    pooled = share_of if metric in SHARES else mean_of
    met, figures = [], []
    for value, lines in groups:
        some = [line["arms"][arm] for line in lines if arm in line["arms"]]
        if some:
            met.append(value)
            figures.append(pooled(lines[0], some, metric))
    return Curve(key, metric, arm, tuple(met), tuple(figures))


def response_charts(points: Sequence[Curve], first: Metric) -> dict[str, list[Chart]]:
    """By swept key, in brief: a chart per metric of the table, the one named first before the others."""
    names = sorted(COLUMNS, key=lambda name: name != first)
    keys = list(dict.fromkeys(one.key for one in points))
    return {
        short(key): [
            _response(f"response-{i}-{name}", key, name, [c for c in points if (c.key, c.metric) == (key, name)])
            for name in names
        ]
        for i, key in enumerate(keys)
    }


def _response(id_: str, key: str, metric: str, some: Sequence[Curve]) -> Chart:
    numbers = all(is_number(value) for one in some for value in one.values)
    places = {text: i for i, text in enumerate(dict.fromkeys(json.dumps(v) for one in some for v in one.values))}
    traces = [
        {
            "type": "scatter", "mode": "lines+markers" if numbers else "markers", "name": safe(one.arm),
            "x": [v if numbers else places[json.dumps(v)] + _beside(i, len(some)) for v in one.values],
            "y": _scaled(one.figures), "error_y": _errors(one.figures),
            "line": {"color": COLOURS[i % len(COLOURS)]}, "marker": {"color": COLOURS[i % len(COLOURS)], "size": 7},
            "hovertemplate": "%{x}: %{y:.4g}<extra>%{fullData.name}</extra>",
        }
        for i, one in enumerate(some)
    ]  # fmt: skip
    axis: dict[str, Any] = {"title": {"text": safe(short(key))}, "zeroline": False}
    if not numbers:
        labels = [safe(shown(json.loads(text))) for text in places]
        axis |= {"tickvals": list(places.values()), "ticktext": labels, "range": [-0.5, len(places) - 0.5]}
    scale = _AXIS if metric in SHARES else {"rangemode": "tozero"}
    layout = {"xaxis": axis, "yaxis": {**scale, "title": {"text": COLUMNS[metric]}}, "margin": _MARGIN}
    title = f"{COLUMNS[metric].capitalize()} by {safe(short(key))}"
    return Chart(id_, title, 340, traces, layout)


def is_number(value: object) -> bool:
    """Whether a swept value has a place on an axis."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _beside(index: int, count: int) -> float:
    return 0.3 * (index - (count - 1) / 2) / max(1, count - 1)


def _factor(some: Sequence[Figure]) -> float:
    return 100.0 if any(isinstance(figure, Proportion) for figure in some) else 1.0


def _scaled(some: Sequence[Figure]) -> list[float | None]:
    return [None if figure.value is None else _factor(some) * figure.value for figure in some]


def _errors(some: Sequence[Figure]) -> dict[str, Any]:
    return spread(some, _factor(some))
