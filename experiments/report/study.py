"""The page of a self-study experiment: every probe of every model, differences, memory and throughput.

`found` is what `results.json` holds (`experiments.study.experiment.run_study`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from markupsafe import Markup

from constitutions.errors import InputError
from constitutions.files import read_text
from experiments.report.charts import COLOURS, GREY, Chart, safe
from experiments.report.data import Data
from experiments.report.page import Page
from experiments.report.report import REPORT_FILE, environment, script_parts
from experiments.results.files import RESULTS_FILE


def read_study(folder: Path) -> dict[str, Any]:
    """What a self-study found, from its folder. Raises InputError where it is not finished."""
    path = folder / RESULTS_FILE
    if not path.is_file():
        raise InputError(f"{folder}: this self-study is not finished; go on with `oversight study` and this --out")
    found: dict[str, Any] = json.loads(read_text(path))
    return found


def write_study_report(folder: Path, found: Mapping[str, Any]) -> Path:
    """Write `report.html`, the numbers behind it into `data/`, the figure into `figures/`, and return the page."""
    return study_page(found).write(folder / REPORT_FILE, "png")


def study_page(found: Mapping[str, Any]) -> Page:
    """The page with its figure and the numbers behind it."""
    library, script, hashes = script_parts()
    chart = probe_chart(found)
    context = {
        "name": found["spec"]["name"],
        "question": found["spec"]["question"] or found["spec"]["name"],
        "found": found,
        "said": said_of(found),
        "share": share,
        "chart": chart,
        "plotly": library,
        "script": script,
        "script_hashes": Markup(hashes),
    }
    template = environment(lambda arm: arm).get_template("study.html.j2")
    return Page(template.render(context) + "\n", {"probes": _probes(found)}, (chart,))


def share(found: Mapping[str, Any], signed: bool = False) -> str:
    """`.62 [.50, .74]`: a value with its interval; a dash where there is none."""
    if found["value"] is None:
        return "–"
    number = "{:+.2f}" if signed else "{:.2f}"
    value = number.format(found["value"])
    if found["low"] is None:
        return value
    return f"{value} [{number.format(found['low'])}, {number.format(found['high'])}]"


def said_of(found: Mapping[str, Any]) -> list[str]:
    """What happened to forward and reverse recall in every arm, a sentence each."""
    said = []
    for name, changes in found["changes"].items():
        its = {each["title"]: each for each in changes}
        forward, reverse = its["forward questions"], its["reverse questions"]
        said.append(
            f"{name}: forward questions {_moved(forward)} ({share(forward, signed=True)}), "
            f"reverse questions {_moved(reverse)} ({share(reverse, signed=True)})."
        )
    return said


def _moved(change: Mapping[str, Any]) -> str:
    if change["low"] is None or change["low"] <= 0 <= change["high"]:
        return "did not change beyond chance"
    return "rose" if change["value"] > 0 else "fell"


def _probes(found: Mapping[str, Any]) -> Data:
    """A row per model and probe."""
    rows = [
        (who, each["probe"], each["n"], each["value"], each["low"], each["high"])
        for who, its in found["probes"].items()
        for each in its
    ]
    return Data(("model", "probe", "n", "share", "low", "high"), tuple(rows))


def probe_chart(found: Mapping[str, Any]) -> Chart:
    """Right answers with 95 % intervals over principles: a row per probe, the models side by side in it."""
    asked = found["probes"]
    shades = {"before": GREY} | dict(zip([who for who in asked if who != "before"], cycle(COLOURS), strict=False))
    titles = [each["title"] for each in asked["before"]]
    step = 0.6 / max(1, len(asked) - 1)
    traces = [_trace(who, its, shades[who], i * step - 0.3) for i, (who, its) in enumerate(asked.items())]
    rows = {"tickvals": list(range(len(titles))), "ticktext": titles, "automargin": True, "zeroline": False}
    layout = {
        "xaxis": {"title": {"text": "right answers, %"}, "range": [-2, 102]},
        "yaxis": rows | {"range": [len(titles) - 0.4, -0.6], "showgrid": False},
        "showlegend": True,
    }
    height = 114 + len(titles) * max(34, 17 * len(asked))
    return Chart("probes", "Right answers with 95 % intervals over principles", height, traces, layout)


def _trace(who: str, its: Sequence[Mapping[str, Any]], colour: str, offset: float) -> dict[str, Any]:
    values = [100 * each["value"] for each in its]
    ends = [(each["value"], each["value"]) if each["low"] is None else (each["low"], each["high"]) for each in its]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": safe(who),
        "x": values,
        "y": [row + offset for row in range(len(its))],
        "marker": {"color": colour, "size": 9},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [100 * high - value for (_, high), value in zip(ends, values, strict=True)],
            "arrayminus": [value - 100 * low for (low, _), value in zip(ends, values, strict=True)],
            "visible": True,
        },
    }
