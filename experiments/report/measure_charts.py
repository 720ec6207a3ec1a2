"""Charts of the measures of arms: audit budgets, the Pareto front, credit. Points and bars with 95 % intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agents.figures import Estimate, Proportion
from experiments.report.charts import COLOURS, GREY, Chart, colours, safe
from experiments.report.definitions import title_of
from experiments.results.arms import ArmResult
from experiments.results.figures import BudgetPoint, CreditResult, Front
from experiments.results.run import RunResults

_PERCENT = {"ticksuffix": " %", "rangemode": "tozero", "zeroline": True, "fixedrange": True, "nticks": 6}
_MARGIN = {"l": 60, "r": 24, "t": 24, "b": 44}
_LABELLED = 6  # more names than these would lie on one another
_CORNERS = ("top right", "bottom right", "top left", "bottom left")
Figure = Estimate | Proportion


def budget_charts(arms: Sequence[ArmResult]) -> list[Chart]:
    """Safety and usefulness against the audit budget: a line per arm, side by side at every budget."""
    shown = [arm for arm in arms if arm.budgets]
    if not shown:
        return []
    picks: dict[str, Callable[[BudgetPoint], Estimate]] = {
        "safety": lambda point: point.safety,
        "usefulness": lambda point: point.usefulness,
    }
    budgets = [point.budget for point in shown[0].budgets]
    shades = colours([arm.arm for arm in arms])
    axis = {
        "tickvals": list(range(len(budgets))), "ticktext": [f"{budget:g} %" for budget in budgets],
        "title": {"text": "budget, % of honest cases"}, "zeroline": False,
    }  # fmt: skip
    charts = []
    for name, pick in picks.items():
        traces = [
            _line(arm.title, shades[arm.arm], [pick(point) for point in arm.budgets], _place(i, len(shown)))
            for i, arm in enumerate(shown)
        ]
        layout = {"xaxis": axis, "yaxis": _PERCENT | {"range": [0, 104]}, "margin": _MARGIN | {"t": 40}}
        charts.append(Chart(f"budget-{name}", title_of(name), 340, traces, layout))
    return charts


def _place(index: int, count: int) -> float:
    """How far an arm's points stand from the tick, so that intervals do not cover one another."""
    return 0.24 * (index - (count - 1) / 2) / max(1, count - 1)


def _line(name: str, shade: str, figures: Sequence[Estimate], offset: float) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines+markers", "name": safe(name),
        "x": [i + offset for i in range(len(figures))], "y": [_scaled(figure, 100) for figure in figures],
        "error_y": spread(figures, 100), "line": {"color": shade, "width": 1.5}, "marker": {"size": 7},
        "hovertemplate": "%{y:.1f} %<extra>%{fullData.name}</extra>",
    }  # fmt: skip


def front_charts(results: RunResults) -> list[Chart]:
    """Missed violations against every other metric of the Pareto front; arms that another dominates are grey."""
    front = results.front
    if front is None:
        return []
    others = [name for name in front.metrics if name != "missed_violations"]
    return [_front(f"front-{name}", name, front, results.arms) for name in others]


def front_figure(arm: ArmResult, name: str) -> Figure | None:
    """What an arm has of a metric of the front: a share, or a mean per case."""
    if name == "missed_violations":
        return arm.missed.total if arm.missed else None
    return arm.correct if name == "correct" else arm.per_case.get(name)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an arm lies: missed violations against another metric; whether it is on the Pareto front."""

    arm: str
    title: str
    across: Figure | None
    missed: Figure | None
    best: bool


def _front(id_: str, name: str, front: Front, arms: Sequence[ArmResult]) -> Chart:
    places = [
        Place(
            arm.arm, arm.title, front_figure(arm, name), front_figure(arm, "missed_violations"), arm.arm in front.arms
        )
        for arm in arms
    ]
    unit = next((f", {arm.currency}" for arm in arms if name == "cost" and arm.currency), "")
    return front_chart(id_, name, places, unit)


def front_chart(id_: str, name: str, places: Sequence[Place], unit: str = "") -> Chart:
    """Missed violations against the metric `name`; arms that another dominates are grey."""
    share = any(isinstance(place.across, Proportion) for place in places)
    shades, scale = colours([place.arm for place in places]), 100.0 if share else 1.0
    few = len(places) <= _LABELLED
    traces = []
    for i, place in sorted(enumerate(places), key=lambda one: one[1].best):  # the front is drawn on top
        across, missed, title = place.across, place.missed, safe(place.title)
        if across is None or missed is None:
            continue
        traces.append(
            {
                "type": "scatter", "mode": "markers+text" if few else "markers",
                "name": title if place.best else f"{title} (dominated)", "showlegend": place.best,
                "x": [_scaled(across, scale)], "y": [_scaled(missed, 100)],
                "error_x": spread([across], scale), "error_y": spread([missed], 100),
                "text": [title], "textposition": _CORNERS[i % len(_CORNERS)], "cliponaxis": False,
                "textfont": {} if place.best else {"color": GREY},
                "marker": {
                    "color": shades[place.arm] if place.best else GREY, "size": 10,
                    "opacity": 1.0 if place.best else 0.6,
                },
                "hovertemplate": "missed %{y:.2f} %, %{x:.3g}<extra>%{fullData.name}</extra>",
            }
        )  # fmt: skip
    words = f"{title_of(name)}{unit}" if share else f"{title_of(name)} per case{unit}"
    across_axis = (_PERCENT | {"rangemode": "normal"}) if share else {"rangemode": "tozero", "fixedrange": True}
    layout = {
        "xaxis": across_axis | {"title": {"text": safe(words)}}, "yaxis": _PERCENT | {"title": {"text": "missed"}},
        "showlegend": not few, "margin": _MARGIN | ({"r": 90} if few else {"t": 60}),
    }  # fmt: skip
    height = 320 if few else 320 + 20 * sum(place.best for place in places)
    return Chart(id_, safe(f"Missed violations against {words[0].lower()}{words[1:]}"), height, traces, layout)


def credit_chart(index: int, result: CreditResult) -> Chart:
    """What each overseer adds to a metric: a bar for the Shapley value and one for leaving it out."""
    names = [safe(part.overseer) for part in result.credit]
    series = {
        "Shapley value": [part.shapley for part in result.credit],
        "with it − without it": [part.leave_one_out for part in result.credit],
    }
    traces = [
        {
            "type": "bar", "orientation": "h", "name": name, "y": names,
            "x": [_scaled(figure, 100) for figure in figures], "error_x": spread(figures, 100),
            "marker": {"color": COLOURS[i]}, "hovertemplate": "%{y}: %{x:.2f} points<extra>%{fullData.name}</extra>",
        }
        for i, (name, figures) in enumerate(series.items())
    ]  # fmt: skip
    layout = {
        "barmode": "group", "yaxis": {"autorange": "reversed", "automargin": True},
        "xaxis": {"zeroline": True, "fixedrange": True, "nticks": 6, "title": {"text": "points"}},
        "margin": {"l": 8, "r": 16, "t": 8, "b": 44},
    }  # fmt: skip
    title = f"Points of {title_of(result.metric).lower()}, with 95 % intervals"
    return Chart(f"credit-{index}", safe(title), 110 + 46 * len(names), traces, layout)


def spread(figures: Sequence[Figure], scale: float) -> dict[str, Any]:
    """Asymmetric error bars to the ends of the intervals; none where the data do not bound them."""
    up = [None if f.value is None or f.high is None else scale * (f.high - f.value) for f in figures]
    down = [None if f.value is None or f.low is None else scale * (f.value - f.low) for f in figures]
    return {"type": "data", "symmetric": False, "thickness": 1.4, "width": 4, "array": up, "arrayminus": down}


def _scaled(figure: Figure, scale: float) -> float | None:
    return None if figure.value is None else scale * figure.value
