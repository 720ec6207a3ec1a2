"""What the report's section about training data needs: sets side by side, drift as a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.report.charts import Chart, colours, safe
from experiments.report.measure_charts import spread
from experiments.report.training_data import MEANINGS, lines
from experiments.report.wording import number, percent
from training.checks.drift import Drift
from training.checks.summary import Gate, SetAudit

_SHARES = ("max_near_duplicates", "max_contamination", "max_label_noise")
_ROW = 24
_AXIS = {
    "title": {"text": "standard deviations from the reference"},
    "rangemode": "tozero",
    "zeroline": True,
    "fixedrange": True,
}


def training_context(audits: Sequence[SetAudit], titles: Mapping[str, str]) -> dict[str, Any]:
    """The variables of the template, without the chart."""
    sets = [_shown(one, titles) for one in audits]
    per_set = [{line.key: line for line in lines(one)} for one in audits]
    rows = []
    for key, meaning in MEANINGS.items():
        some = [found.get(key) for found in per_set]
        if any(some):
            cells = [
                line and {"line": line, "key": f"set.{shown['key']}.{key}"}
                for line, shown in zip(some, sets, strict=True)
            ]
            gate = next((line.gate for line in some if line and line.gate), None)
            rows.append({"meaning": meaning, "cells": cells, "limit": _limit(gate)})
    return {
        "sets": sets,
        "set_lines": rows,
        "reference_names": list(dict.fromkeys(one.reference_name for one in audits if one.reference_name)),
        "broken": [{"set": s["title"], "gate": g} for s in sets for g in s["audit"].gates if not g.met],
        "covered": [s for s in sets if s["audit"].coverage is not None],
        "principles": list(dict.fromkeys(name for one in audits if one.coverage for name in one.coverage.principles)),
        "noisy": [
            {"title": s["title"], "key": f"{s['key']}.{noise.source}", "noise": noise}
            for s in sets
            for noise in s["audit"].noise
        ],
    }


def _shown(one: SetAudit, titles: Mapping[str, str]) -> dict[str, Any]:
    examples = bool(one.duplicates.worst or one.contamination.worst or (one.drifts and one.drifts.openings))
    return {
        "audit": one,
        "title": _title(one, titles),
        "key": f"{one.arm}.{one.name}",
        "examples": examples and not one.hidden,
    }


def _title(one: SetAudit, titles: Mapping[str, str]) -> str:
    return f"{titles.get(one.arm, one.arm)}, {one.name}"


def _limit(gate: Gate | None) -> str:
    if gate is None:
        return ""
    limit = percent(gate.limit, 0) if gate.key in _SHARES else number(gate.limit, 0 if gate.limit >= 10 else 2)
    return f"{'≤' if gate.key.startswith('max_') else '≥'}\u00a0{limit}"


def drift_chart(audits: Sequence[SetAudit], titles: Mapping[str, str]) -> Chart | None:
    """Length and refusals of every set against the base's own answers, in standard deviations; 0 is no drift."""
    some = [one for one in audits if one.drifts is not None]
    if not some:
        return None
    names = [safe(_title(one, titles)) for one in some]
    parts = {"length": "Length", "refusals": "Stock refusals"}
    shades = colours(list(parts))
    traces = []
    for offset, (key, name) in zip((-0.12, 0.12), parts.items(), strict=True):
        drifts: list[Drift] = [getattr(one.drifts, key) for one in some]
        known = [(i, drift.standardised) for i, drift in enumerate(drifts) if drift.standardised.value is not None]
        traces.append(
            {
                "type": "scatter", "mode": "markers", "name": name,
                "x": [estimate.value for _, estimate in known], "y": [i + offset for i, _ in known],
                "error_x": spread([estimate for _, estimate in known], 1),
                "marker": {"color": shades[key], "size": 9},
                "customdata": [names[i] for i, _ in known],
                "hovertemplate": "%{customdata}: %{x:.2f}<extra>%{fullData.name}</extra>",
            }
        )  # fmt: skip
    rows = {
        "tickvals": list(range(len(names))), "ticktext": names, "automargin": True, "zeroline": False,
        "range": [len(names) - 0.4, -0.6], "showgrid": False,
    }  # fmt: skip
    layout = {
        "xaxis": _AXIS,
        "yaxis": rows,
        "showlegend": True,
    }
    return Chart("drift", "Drift from the base's own answers, 95 % intervals", 130 + _ROW * len(names), traces, layout)
