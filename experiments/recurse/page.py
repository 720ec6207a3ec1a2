"""The page of a recursion: a small chart per metric over the rounds, a line per arm, and the tables behind them.

Of several seeds, lines are their means, and beside a mean stand the values of the seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from agents.figures import Estimate
from experiments.recurse.metrics import METRICS, measured_metrics
from experiments.recurse.results import ArmRecursion, RecursionResults
from experiments.recurse.words import changed, ends, figure, is_share, plain, seeds_in_words, signed
from experiments.report.charts import Chart, colours, safe
from experiments.report.data import Data
from experiments.report.page import Page
from experiments.report.report import environment, script_parts

_ARROWS = {"lower": "\u00a0↓", "higher": "\u00a0↑", "neither": ""}


def recursion_page(results: RecursionResults) -> Page:
    """The page, with the figures behind it as `data/rounds.csv` and `data/contrasts.csv`."""
    library, script, hashes = script_parts()
    told = measured_metrics(results.arms)
    charts = [_chart(results, name) for name in told]
    context = {
        "results": results,
        "metrics": {name: METRICS[name] for name in told},
        "arrows": _ARROWS,
        "told": {arm.arm: measured_metrics([arm]) for arm in results.arms},
        "charts": charts,
        "several": len(results.seeds) > 1,
        "seeds": seeds_in_words(results.seeds),
        "plain": plain,
        "signed": signed,
        "figure": figure,
        "ends": ends,
        "changed": changed,
        "plotly": library,
        "script": script,
        "script_hashes": Markup(hashes),
    }
    titles = {arm.arm: arm.title for arm in results.arms}
    template = environment(lambda arm: titles.get(arm, arm)).get_template("recurse.html.j2")
    data = {"rounds": _rounds(results), "contrasts": _contrasts(results)}
    return Page(template.render(context) + "\n", data, charts)


def _chart(results: RecursionResults, metric: str) -> Chart:
    """The metric over the rounds with 95 % intervals; arms are set side by side, so that intervals can be read."""
    shades = colours([arm.arm for arm in results.arms])
    several, arms = len(results.seeds) > 1, len(results.arms)
    gap = min(0.16 if several else 0.12, 0.7 / arms)  # all arms of a round stay nearer to it than to the next
    spread = [gap * (i - (arms - 1) / 2) for i in range(arms)]
    placed = [(arm, shades[arm.arm], at) for arm, at in zip(results.arms, spread, strict=True)]
    traces = [_line(arm, metric, shade, at) for arm, shade, at in placed]
    if several:
        traces += [_seeds(arm, metric, shade, at + 0.4 * gap, results.seeds) for arm, shade, at in placed]
    unit = "%" if is_share(metric) else "nats"
    last = max(len(arm.rounds) for arm in results.arms) - 1
    layout = {
        "xaxis": {"title": {"text": "round"}, "dtick": 1, "range": [-0.4, last + 0.4], "zeroline": False},
        "yaxis": {"title": {"text": unit}, "automargin": True, "rangemode": "tozero"},
        "showlegend": arms > 1,
        "margin": {"l": 48, "r": 12, "t": 8, "b": 44},
    }
    title = METRICS[metric].title + _ARROWS[METRICS[metric].better]
    return Chart(f"recurse-{metric.replace('_', '-')}", title, 230 + 20 * arms, traces, layout)


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


def _seeds(arm: ArmRecursion, metric: str, shade: str, offset: float, seeds: Sequence[int]) -> dict[str, Any]:
    """What every seed gave, as small points to the right of the means."""
    scale = 100 if is_share(metric) else 1
    shown = [
        (each.round + offset, scale * value, f"seed {seed}")
        for each in arm.rounds
        if metric in each.measures
        for seed, value in zip(seeds, each.measures[metric].values, strict=True)
        if value is not None
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": safe(arm.title),
        "showlegend": False,
        "x": [x for x, _, _ in shown],
        "y": [y for _, y, _ in shown],
        "hovertext": [who for _, _, who in shown],
        "marker": {"color": shade, "size": 5, "opacity": 0.6},
        "hovertemplate": "%{y:.2f}, %{hovertext}<extra>%{fullData.name}</extra>",
    }


def _points(estimate: Estimate, scale: int) -> tuple[float, float, float]:
    """Value and ends; an end that the data do not bound is the value."""
    value = estimate.value or 0.0
    low, high = (value if end is None else end for end in (estimate.low, estimate.high))
    return scale * value, scale * low, scale * high


def _rounds(results: RecursionResults) -> Data:
    """A row per arm, round and metric: value and interval, and the change since the first base and the one before; of
    several seeds, then the value and the change of each."""
    figures = [f"{name}{end}" for name in ("", "change_", "step_") for end in ("value", "low", "high")]
    seeds = results.seeds if len(results.seeds) > 1 else ()
    each_seed = [f"{name}_seed_{seed}" for name in ("value", "change") for seed in seeds]
    head = ("arm", "round", "metric", *figures, *each_seed)
    rows = []
    for arm in results.arms:
        for each in arm.rounds:
            for metric, measured in each.measures.items():
                cells = [measured.value, measured.change, measured.step]
                flat = [x for e in cells for x in ((e.value, e.low, e.high) if e is not None else (None,) * 3)]
                changes = measured.changes or (None,) * len(seeds)
                rows.append((arm.arm, each.round, metric, *flat, *measured.values, *changes))
    return Data(head, tuple(rows))


def _contrasts(results: RecursionResults) -> Data:
    seeds = results.seeds if len(results.seeds) > 1 else ()
    head = ("a", "b", "metric", "round", "difference", "low", "high", *(f"seed_{seed}" for seed in seeds))
    return Data(
        head,
        tuple(
            (c.a, c.b, c.metric, c.round, c.difference.value, c.difference.low, c.difference.high, *c.differences)
            for c in results.contrasts
        ),
    )
