"""The page of a sweep: the question, what was best, what a parameter does, the graphs; offline, like every report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from markupsafe import Markup

from experiments.lab.contrasts import as_comparison, pooled_contrasts
from experiments.lab.failing import failures
from experiments.lab.plan import SweepSpec
from experiments.lab.pooled import Row, pooled
from experiments.report.data import Data, comparisons, figures
from experiments.report.data import graphs as graph_data
from experiments.report.drawings import drawings
from experiments.report.lab_charts import COLUMNS, Curve, curves, pareto_charts, response_charts
from experiments.report.page import Page
from experiments.report.picture import drawn_graph
from experiments.report.report import environment, script_parts
from experiments.results.arms import DrawnEdge, DrawnNode
from hierarchy.graph import OversightGraph


def lab_page(
    sweep: SweepSpec, lines: Sequence[dict[str, Any]], graphs: Mapping[str, OversightGraph], config_yaml: str
) -> Page:
    """The page of the settings measured, a line each; the same lines give the same bytes."""
    rows, points, pairs = pooled(lines), curves(lines), pooled_contrasts(lines)
    compared = [as_comparison(row, row["n"], row["setting"]) for row in pairs]
    library, script, hashes = script_parts()
    template = environment(lambda arm: arm).get_template("lab.html.j2")
    drawn = {arm: _Graph(arm, graph.description, *drawn_graph(graph)) for arm, graph in graphs.items()}
    pareto, responses = pareto_charts(rows, list(graphs)), response_charts(points, sweep.metric)
    context = {
        "sweep": sweep,
        "question": sweep.question or sweep.name,
        "columns": COLUMNS,
        "rows": rows,
        "left": [row for row in rows if row.standing],
        "compared": compared,
        "failed": [(line, arm, fault) for line in lines for arm, fault in failures(line).items()],
        "config_yaml": config_yaml,
        "sweep_yaml": yaml.safe_dump(
            sweep.model_dump(mode="json", exclude={"config"}), sort_keys=False, allow_unicode=True
        ),
        "drawings": drawings(list(drawn.values())),
        "pareto": pareto,
        "responses": responses,
        "plotly": library,
        "script": script,
        "script_hashes": Markup(hashes),
    }
    data = {"settings": _settings(rows), "curves": _curves(points), "graphs": graph_data(drawn)}
    if compared:
        data["differences"] = comparisons(compared)
    charts = (*pareto, *(chart for some in responses.values() for chart in some))
    return Page(template.render(context) + "\n", data, charts, drawings(list(drawn.values())))


@dataclass(frozen=True, slots=True)
class _Graph:
    title: str
    description: str
    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]


def _settings(rows: Sequence[Row]) -> Data:
    keys = tuple(dict.fromkeys(key for row in rows for key in row.values))
    return figures(
        (*keys, "arm", "seeds", "on_front", "standing", "metric"),
        [
            (*(row.values.get(key) for key in keys), row.arm, row.seeds, row.best, row.standing, name, figure)
            for row in rows
            for name, figure in row.figures.items()
        ],
    )


def _curves(points: Sequence[Curve]) -> Data:
    rows = [
        (one.key, value, one.metric, one.arm, figure)
        for one in points
        for value, figure in zip(one.values, one.figures, strict=True)
    ]
    return figures(("key", "setting", "metric", "arm"), rows)
