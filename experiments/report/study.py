"""The page of a self-study experiment: every probe of every model, differences, memory and throughput.

`found` is what `results.json` holds (`experiments.study.experiment.run_study`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from experiments.report.charts import COLOURS, GREY, Chart
from experiments.report.data import Data, write_data
from experiments.report.page import PICTURES
from experiments.report.report import environment, script_parts
from experiments.results import write_atomically


def write_study_report(folder: Path, found: Mapping[str, Any]) -> Path:
    """Write `report.html`, the numbers behind it into `data/`, the figure into `figures/`, and return the page."""
    from experiments.report.still import write_pictures  # matplotlib takes a second to import

    path = folder / "report.html"
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
    page = environment(lambda arm: arm).get_template("study.html.j2")
    write_atomically(path, page.render(context) + "\n")
    write_data(folder, {"probes": _probes(found)})
    write_pictures(folder / PICTURES, (chart,), (), "png")
    return path


def share(found: Mapping[str, Any], signed: bool = False) -> str:
    """`.62 [.50, .74]`: a value with its interval; a dash where there is none."""
    if found["value"] is None:
        return "–"
    number = "{:+.2f}" if signed else "{:.2f}"
    value = number.format(found["value"])
    if found["low"] is None:
        return value
    return f"{value} [{number.format(found['low'])}, {number.format(found['high'])}]"


def said_of(found: Mapping[str, Any]) -> str:
    """What happened to forward and reverse recall in every arm, in a sentence each."""
    said = []
    for name, changes in found["changes"].items():
        its = {each["title"]: each for each in changes}
        forward, reverse = its["forward questions"], its["reverse questions"]
        said.append(
            f"{name}: forward questions {_moved(forward)} ({share(forward, signed=True)}), "
            f"reverse questions {_moved(reverse)} ({share(reverse, signed=True)})."
        )
    return " ".join(said)


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
    """Right answers by probe, a colour per model, with 95 % intervals over principles."""
    shades = iter(COLOURS)
    traces = [_trace(who, its, GREY if who == "before" else next(shades)) for who, its in found["probes"].items()]
    layout = {
        "barmode": "group",
        "yaxis": {"title": {"text": "right answers"}, "range": [0, 1.05]},
        "margin": {"l": 60, "r": 60, "t": 8, "b": 140},
    }
    return Chart("probes", "Right answers with 95 % intervals over principles", 480, traces, layout)


def _trace(who: str, its: Sequence[Mapping[str, Any]], colour: str) -> dict[str, Any]:
    values = [each["value"] for each in its]
    return {
        "type": "bar",
        "name": who,
        "x": [each["title"] for each in its],
        "y": values,
        "marker": {"color": colour},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [0 if each["high"] is None else each["high"] - each["value"] for each in its],
            "arrayminus": [0 if each["low"] is None else each["value"] - each["low"] for each in its],
            "visible": True,
        },
    }
