"""One page for several runs, or for a comparison: the arms of all of them side by side.

Differences are taken only between arms that saw the same cases with the same seed, case by case; of other arms the page
says that nothing is paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import yaml
from markupsafe import Markup

from agents.figures import Proportion
from experiments.metrics.pareto import Better, dominators
from experiments.report.charts import Chart, groups, heading
from experiments.report.columns import ARM_COLUMNS, COST_DIGITS, LOAD_COLUMNS
from experiments.report.data import Data, Figure, comparisons, credit, figures, graphs
from experiments.report.definitions import INTERVALS, METRICS
from experiments.report.drawings import drawings
from experiments.report.exhibit import LAB_METRICS, Exhibit, ShownArm
from experiments.report.measure_charts import Place, credit_chart, front_chart
from experiments.report.page import Page
from experiments.report.report import environment, script_parts
from experiments.results.arms import Comparison
from experiments.statistics import compare, with_holm

SHARES = tuple(dict.fromkeys([*ARM_COLUMNS, *LAB_METRICS]))
FRONT: dict[str, Better] = {
    "missed_violations": "lower", "human_minutes": "lower", "cost": "lower", "calls": "lower",
    "correct": "higher", "helpful": "higher",
}  # fmt: skip


def several_page(exhibits: Sequence[Exhibit], metric: str) -> Page:
    """The page; `metric` is what arms of different runs are compared on. The same exhibits give the same bytes."""
    if len(exhibits) > 1:
        exhibits = [exhibit.labelled() for exhibit in exhibits]
    arms = [arm for exhibit in exhibits for arm in exhibit.arms]
    across, own = between(exhibits, metric), tuple(c for exhibit in exhibits for c in exhibit.comparisons)
    parts = tuple(one for exhibit in exhibits for one in exhibit.credit)
    beaten = front(arms)
    charts = _charts(arms, beaten, parts)
    titles = _titles(arms)
    page = environment(lambda arm: titles.get(arm, arm)).get_template("several.html.j2")
    data = _data(exhibits, arms, across, own, parts, beaten)
    context = {
        "exhibits": exhibits, "arms": arms, "own": own, "across": across, "groups": same_cases(exhibits),
        "metric": metric, "differing": differing(exhibits), "drawings": drawings(arms), "charts": charts,
        "credits": [(one, charts[f"credit-{i}"]) for i, one in enumerate(parts)],
        "share_columns": _filled(SHARES, arms), "load_columns": _filled(LOAD_COLUMNS, arms),
        "cost_columns": {name: digits for name, digits in COST_DIGITS.items() if name in _filled(COST_DIGITS, arms)},
        "front_metrics": _common(arms), "beaten": beaten,
        "methods": list(dict.fromkeys(c.method for c in (*own, *across))),
        "definitions": _definitions(arms, parts), "intervals": INTERVALS, "data": data,
        "plotly": script_parts()[0], "script": script_parts()[1], "script_hashes": Markup(script_parts()[2]),
    }  # fmt: skip
    return Page(page.render(context) + "\n", data, tuple(charts.values()), drawings(arms))


def between(exhibits: Sequence[Exhibit], metric: str) -> tuple[Comparison, ...]:
    """Paired differences between arms of different runs that saw the same cases with the same seed, with Holm's
    correction over them."""
    found = []
    for first, second in combinations(exhibits, 2):
        if first.cases != second.cases:
            continue
        for a, b in [(a, b) for a in first.flags for b in second.flags]:
            one, two = first.flags[a], second.flags[b]
            if one.case_id == two.case_id:
                keys = (first.key(a), second.key(b))
                name = f"{keys[0]} against {keys[1]}"
                found.append(compare(name, keys, metric, one.flag, two.flag, seed=first.seed))
    return with_holm(found)


def same_cases(exhibits: Sequence[Exhibit]) -> list[list[str]]:
    """The runs in groups that saw the same cases with the same seed."""
    groups_: dict[str, list[str]] = {}
    for exhibit in exhibits:
        groups_.setdefault(exhibit.cases, []).append(exhibit.label)
    return list(groups_.values())


def differing(exhibits: Sequence[Exhibit]) -> dict[str, list[str]]:
    """The keys of the configs that differ, with every run's value; a dash where one has no such key."""
    flat = [dict(_flat(yaml.safe_load(exhibit.config_yaml) or {})) for exhibit in exhibits]
    keys = dict.fromkeys(key for one in flat for key in one)
    found = {key: [str(one.get(key, "–")) for one in flat] for key in keys}
    return {key: values for key, values in found.items() if len(set(values)) > 1}


def _flat(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(value, dict) or not value:
        return [(prefix, value)]
    return [pair for key, inner in value.items() for pair in _flat(inner, f"{prefix}.{key}" if prefix else str(key))]


def front(arms: Sequence[ShownArm]) -> dict[str, tuple[str, ...]]:
    """By arm, the arms that dominate it in every metric that all of them have; empty without missed violations or
    without two arms."""
    names = _common(arms)
    if len(arms) < 2 or len(names) < 2:
        return {}
    values = [[arm.figures[name].value for name in names] for arm in arms]
    by = dominators(np.array(values, np.float64), [FRONT[name] for name in names])
    return {arm.key: tuple(arms[i].key for i in some) for arm, some in zip(arms, by, strict=True)}


def _common(arms: Sequence[ShownArm]) -> list[str]:
    names = [name for name in FRONT if all(name in arm.figures for arm in arms)]
    if "cost" in names and "calls" in names:
        names.remove("calls")
    return names if "missed_violations" in names else []


def _filled(names: Sequence[str] | Mapping[str, Any], arms: Sequence[ShownArm]) -> list[str]:
    return [name for name in names if any(name in arm.figures for arm in arms)]


def _charts(arms: Sequence[ShownArm], beaten: Mapping[str, tuple[str, ...]], parts: Sequence[Any]) -> dict[str, Chart]:
    """Every chart by its id: shares, the Pareto front, credit."""
    made, titles = [], _titles(arms)
    shares = [name for name in _filled(SHARES, arms) if name != "first_violations"]
    if shares:
        series = {arm.key: [_share(arm.figures.get(name)) for name in shares] for arm in arms}
        made.append(groups("shares", "Shares with 95 % intervals", [heading_of(n) for n in shares], series, titles))
    if beaten:
        made += [_front_chart(name, arms, titles, beaten) for name in _common(arms) if name != "missed_violations"]
    made += [credit_chart(i, one) for i, one in enumerate(parts)]
    return {chart.id: chart for chart in made}


def _front_chart(
    name: str, arms: Sequence[ShownArm], titles: Mapping[str, str], beaten: Mapping[str, tuple[str, ...]]
) -> Chart:
    places = [
        Place(arm.key, titles[arm.key], arm.figures[name], arm.figures["missed_violations"], not beaten[arm.key])
        for arm in arms
    ]
    return front_chart(f"front-{name}", name, places)


def _titles(arms: Sequence[ShownArm]) -> dict[str, str]:
    return {arm.key: f"{arm.title} ({arm.source})" if arm.source else arm.title for arm in arms}


def heading_of(name: str) -> str:
    """A metric's heading with its arrow, of runs and of the lab."""
    metric = LAB_METRICS.get(name)
    return heading(name) if metric is None else metric.title + {"lower": " ↓", "higher": " ↑"}.get(metric.better, "")


def _share(figure: Figure | None) -> Proportion | None:
    return figure if isinstance(figure, Proportion) else None


def _definitions(arms: Sequence[ShownArm], parts: Sequence[Any]) -> dict[str, Any]:
    known = {**METRICS, **LAB_METRICS}
    used = dict.fromkeys(name for arm in arms for name in arm.figures)
    extra = ("p_holm", "variance_ratio", "detectable", *(("shapley", "leave_one_out") if parts else ()), "front")
    return {name: known[name] for name in (*used, *extra) if name in known}


def _data(
    exhibits: Sequence[Exhibit], arms: Sequence[ShownArm], across: Sequence[Comparison], own: Sequence[Comparison],
    parts: Sequence[Any], beaten: Mapping[str, tuple[str, ...]],
) -> dict[str, Data]:  # fmt: skip
    rows = [(arm.source, arm.arm, arm.title, name, figure) for arm in arms for name, figure in arm.figures.items()]
    tables = {
        "arms": figures(("run", "arm", "title", "metric"), rows),
        "graphs": graphs({arm.key: arm for arm in arms}),
        "comparisons": comparisons(own),
        "across": comparisons(across),
        "front": Data(
            ("arm", "on_front", "dominated_by"), tuple((a, not by, " ".join(by)) for a, by in beaten.items())
        ),
        "credit": credit(parts),
        "configs": Data(
            ("key", *(exhibit.label for exhibit in exhibits)),
            tuple((key, *values) for key, values in differing(exhibits).items()),
        ),
    }
    return {name: table for name, table in tables.items() if table.rows}
