"""The charts of a report as plotly figures in plain JSON: points and bars with their 95 % intervals.

Colours are the set of Okabe and Ito (2008); text and grid colours are set by the page, for light and dark.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.figures import Proportion
from experiments.report.columns import ARM_COLUMNS, filled_arm_columns, filled_model_columns
from experiments.report.definitions import METRICS, title_of
from experiments.report.wording import words
from experiments.results.arms import ArmResult
from experiments.results.labels import LabelRates
from experiments.results.models import BEFORE, CriticLadder, EvaluationResult, TrainingResult
from hierarchy.audit.safe_text import visible

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8f7f00", "#6a3d9a", "#8c510a", "#3b3b3a")
GREY = "#8d8d88"
_ROW, _HEAD = 26, 64


@dataclass(frozen=True, slots=True)
class Chart:
    """A plotly figure: an id, a heading, a height in pixels, traces and layout; `note` says how to read it."""

    id: str
    title: str
    height: int
    data: list[dict[str, Any]]
    layout: dict[str, Any] = field(default_factory=dict)
    note: str = ""


def colours(names: Sequence[str]) -> dict[str, str]:
    """A colour per arm or model in order; the untuned base is grey."""
    others = [name for name in dict.fromkeys(names) if name != BEFORE]
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(others)} | {BEFORE: GREY}


def missed_chart(arms: Sequence[ArmResult]) -> Chart | None:
    """Missed violations (total, norms, truth) with what they must be read beside, a group of points per metric."""
    wanted = ("missed_violations", "missed_norms", "missed_truth", "needless_refusals", "correct")
    columns = filled_arm_columns({key: ARM_COLUMNS[key] for key in wanted}, arms)
    if not any(key.startswith("missed") for key in columns):
        return None
    series = {arm.arm: [column(arm) for column in columns.values()] for arm in arms}
    return groups("missed", "Shares with 95 % intervals", [heading(key) for key in columns], series, _titles(arms))


def outcome_chart(arms: Sequence[ArmResult]) -> Chart | None:
    """Share of cases per outcome, a group of points per outcome."""
    outcomes = list(dict.fromkeys(name for arm in arms for name in arm.outcomes))
    if not outcomes:
        return None
    series = {arm.arm: [arm.outcomes.get(name) for name in outcomes] for arm in arms}
    return groups(
        "outcomes",
        "Share of cases per outcome with 95 % intervals",
        [safe(name) for name in outcomes],
        series,
        _titles(arms),
    )


def before_after_charts(models: Sequence[EvaluationResult], titles: Mapping[str, str]) -> list[Chart]:
    """One small chart per metric on the test split: a bar per model, the base before first."""
    shades = colours([model.model for model in models])
    names = [titles.get(m.model, m.model) + (" ✓" if m.chosen else "") for m in models]
    columns = filled_model_columns(models)
    rates = {key: [column(model) for model in models] for key, column in columns.items()}
    # One scale for all of them: norms, truth and what they cost in usefulness are read against each other.
    longest = max((rate.high for some in rates.values() for rate in some if rate), default=1.0)
    layout = {"xaxis": _PERCENT_AXIS | {"range": [0, min(100.0, 105 * longest)]}}
    charts = []
    for key, some in rates.items():
        trace = _bars([safe(name) for name in names], some, [shades[m.model] for m in models])
        charts.append(_small(f"model-{key}", heading(key), [trace], len(models), layout))
    return charts


def label_charts(rates: Sequence[LabelRates], titles: Mapping[str, str]) -> list[Chart]:
    """One small chart per kind of prompt and label: a group of bars per model, a bar per source of the label."""
    charts: list[Chart] = []
    for prompts in dict.fromkeys(rate.prompts for rate in rates):
        some = [rate for rate in rates if rate.prompts == prompts]
        for label in dict.fromkeys(name for rate in some for name in rate.rates):
            sources = list(dict.fromkeys(rate.source for rate in some))
            traces = [_source_bars(some, source, label, i, titles) for i, source in enumerate(sources)]
            title = f"{words(label).capitalize()} on {prompts} prompts"
            rows = len({rate.model for rate in some}) * len(sources)
            layout = {"barmode": "group", "showlegend": True, "xaxis": _PERCENT_AXIS | {"range": [0, 101]}}
            charts.append(_small(f"label-{len(charts)}", safe(title), traces, rows + 1, layout))
    return charts


def loss_charts(training: Sequence[TrainingResult], titles: Mapping[str, str]) -> list[Chart]:
    """One chart per training stage: the logged loss against the optimiser step, a line per arm."""
    shades = colours([result.arm for result in training])
    charts: list[Chart] = []
    for stage in dict.fromkeys(result.stage for result in training if result.curve):
        traces = [
            {
                "type": "scatter",
                "mode": "lines",
                "name": safe(titles.get(result.arm, result.arm)),
                "x": [point.step for point in result.curve],
                "y": [point.loss for point in result.curve],
                "line": {"color": shades[result.arm], "width": 1.8},
                "hovertemplate": "step %{x}: %{y:.4f}<extra>%{fullData.name}</extra>",
            }
            for result in training
            if result.stage == stage and result.curve
        ]
        layout = {
            "xaxis": {"title": {"text": "optimiser step"}},
            "yaxis": {"title": {"text": "loss"}, "rangemode": "tozero", "automargin": True},
        }
        charts.append(Chart(f"loss-{len(charts)}", safe(f"Loss, {stage}"), 280, traces, layout))
    return charts


def correlation_chart(ladder: CriticLadder) -> Chart:
    """Heat map of phi between the critics' errors."""
    names = [safe(name) for name in ladder.names]
    values = [[cell.value for cell in row] for row in ladder.correlation]
    texts = [["" if value is None else f"{value:.2f}" for value in row] for row in values]
    trace = {
        "type": "heatmap", "x": names, "y": names, "z": values, "text": texts, "texttemplate": "%{text}",
        "zmin": 0, "zmax": 1, "colorscale": [[0, "#f2f5f7"], [1, "#0072b2"]], "showscale": False,
        "xgap": 2, "ygap": 2, "hovertemplate": "%{y} and %{x}: φ %{z:.3f}<extra></extra>",
    }  # fmt: skip
    layout = {"yaxis": {"autorange": "reversed", "automargin": True}, "xaxis": {"automargin": True, "side": "top"}}
    return Chart("phi", "Error correlation φ between critics", 90 + 44 * len(names), [trace], layout)


def groups(
    id_: str, title: str, categories: list[str], series: Mapping[str, Sequence[Proportion | None]],
    titles: Mapping[str, str],
) -> Chart:  # fmt: skip
    """Points with intervals, a category per row and the arms side by side in it; categories read downwards."""
    shades = colours(list(series))
    spread = [0.5 * (i - (len(series) - 1) / 2) / max(1, len(series) - 1) for i in range(len(series))]
    traces = []
    for (name, rates), offset in zip(series.items(), spread, strict=True):
        rows = [
            (i + offset, category, rate)
            for i, (category, rate) in enumerate(zip(categories, rates, strict=True))
            if rate
        ]
        shown = [rate for _, _, rate in rows]
        traces.append(
            {
                "type": "scatter", "mode": "markers", "name": safe(titles.get(name, name)),
                "x": [_percent(rate) for rate in shown], "y": [row for row, _, _ in rows],
                "error_x": _errors(shown), "marker": {"color": shades[name], "size": 9},
                "customdata": [[category, *_counts(rate)] for _, category, rate in rows], "hovertemplate": _HOVER,
            }
        )  # fmt: skip
    rows_axis = {
        "tickvals": list(range(len(categories))), "ticktext": categories, "automargin": True, "zeroline": False,
        "range": [len(categories) - 0.4, -0.6], "showgrid": False,
    }  # fmt: skip
    height = _HEAD + 50 + len(categories) * max(34, 17 * len(series))
    layout = {"xaxis": _PERCENT_AXIS, "yaxis": rows_axis, "showlegend": True}
    return Chart(id_, title, height, traces, layout)


_PERCENT_AXIS = {"rangemode": "tozero", "ticksuffix": " %", "zeroline": True, "fixedrange": True, "nticks": 6}
_HOVER = (
    "%{customdata[0]}: %{x:.1f} % (%{customdata[3]:.1f} to %{customdata[4]:.1f}), "
    "%{customdata[1]} of %{customdata[2]}<extra>%{fullData.name}</extra>"
)


def _bars(names: Sequence[str], rates: Sequence[Proportion | None], shades: Sequence[str]) -> dict[str, Any]:
    rows = [(name, rate, shade) for name, rate, shade in zip(names, rates, shades, strict=True) if rate]
    shown = [rate for _, rate, _ in rows]
    return {
        "type": "bar", "orientation": "h", "name": "", "y": [name for name, _, _ in rows],
        "x": [_percent(rate) for rate in shown], "error_x": _errors(shown),
        "marker": {"color": [shade for _, _, shade in rows]},
        "customdata": [[name, *_counts(rate)] for name, rate, _ in rows], "hovertemplate": _HOVER,
    }  # fmt: skip


def _source_bars(
    rates: Sequence[LabelRates], source: str, label: str, index: int, titles: Mapping[str, str]
) -> dict[str, Any]:
    some = [rate for rate in rates if rate.source == source]
    names = [safe(titles.get(rate.model, rate.model)) for rate in some]
    trace = _bars(names, [rate.rates.get(label) for rate in some], [COLOURS[index % len(COLOURS)]] * len(some))
    return trace | {"name": safe(source)}


def _small(
    id_: str, title: str, traces: list[dict[str, Any]], rows: int, layout: Mapping[str, Any] | None = None
) -> Chart:
    axis = {"autorange": "reversed", "automargin": True}
    own = {"xaxis": _PERCENT_AXIS, "yaxis": axis, "showlegend": False, **(layout or {})}
    return Chart(id_, title, _HEAD - 14 + _ROW * rows, traces, own)


def _errors(rates: Sequence[Proportion]) -> dict[str, Any]:
    """Asymmetric error bars from the value to the ends of the interval, in per cent."""
    return {
        "type": "data", "symmetric": False, "thickness": 1.4, "width": 4,
        "array": [100 * rate.high - (_percent(rate) or 0) for rate in rates],
        "arrayminus": [(_percent(rate) or 0) - 100 * rate.low for rate in rates],
    }  # fmt: skip


def _percent(rate: Proportion) -> float | None:
    return None if rate.value is None else 100 * rate.value


def _counts(rate: Proportion) -> list[float]:
    return [rate.count, rate.n, 100 * rate.low, 100 * rate.high]


def heading(metric: str) -> str:
    """A metric's title with an arrow to what is better."""
    better = METRICS[metric].better if metric in METRICS else "neither"
    return title_of(metric) + {"lower": " ↓", "higher": " ↑"}.get(better, "")


def _titles(arms: Sequence[ArmResult]) -> dict[str, str]:
    return {arm.arm: arm.title for arm in arms}


def safe(text: str) -> str:
    """Plotly reads tags and links in its labels: escape them."""
    return html.escape(visible(text))
