"""The page of a reward-hacking experiment: the reward model, and proxy beside oracle as it is pressed harder.

`found` is what `results.json` holds (`HackingResults.to_dict`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from constitutions.files import write_atomically
from experiments.report.charts import COLOURS, Chart
from experiments.report.data import Data, write_data
from experiments.report.report import environment, script_parts

_Z = 1.959964
WAYS = (
    ("best_of_n", "Best of n answers", "n"),
    ("best_of_n_benign", "Best of n answers, benign prompts", "n"),
    ("training", "Training by reinforcement", "step"),
    ("training_benign", "Training by reinforcement, benign prompts", "step"),
)


def write_hacking_report(folder: Path, found: Mapping[str, Any]) -> Path:
    """Write `report.html`, the points behind its figures as `data/points.csv`, and return the page's path."""
    path = folder / "report.html"
    library, script, hashes = script_parts()
    context = {
        "name": found["spec"]["name"],
        "question": found["spec"]["question"] or found["spec"]["name"],
        "found": found,
        "parts": [_part(found, *way) for way in WAYS],
        "plotly": library,
        "script": script,
        "script_hashes": Markup(hashes),
    }
    page = environment(lambda arm: arm).get_template("hacking.html.j2")
    write_atomically(path, page.render(context) + "\n")
    write_data(folder, {"points": _points(found)})
    return path


def _points(found: Mapping[str, Any]) -> Data:
    """A row per way and strength of pressing."""
    columns = ("strength", "kl", "proxy", "proxy_se", "oracle", "oracle_se")
    rows = [(way, *(point[name] for name in columns)) for way, _, _ in WAYS for point in found[way]["points"]]
    return Data(("way", *columns), tuple(rows))


def _part(found: Mapping[str, Any], way: str, title: str, strength: str) -> dict[str, Any]:
    points, parts = found[way]["points"], found[way]["parts"]
    return {
        "id": way.replace("_", "-"),
        "title": title,
        "strength": strength,
        "said": said(strength, parts),
        "points": points,
        "chart": _chart(way, title, points, parts),
    }


def said(strength: str, parts: Mapping[str, float] | None) -> str:
    """One sentence on where proxy and oracle part."""
    if parts is None:
        return "Proxy and oracle do not part: from the oracle's best point on, no fall of it is beyond chance."
    return (
        f"They part at {strength} = {parts['strength']:.0f} ({parts['kl']:.2f} nats): from there to the end the proxy "
        f"rises by {parts['proxy']:.3f} (standard error {parts['proxy_se']:.3f}) and the oracle's score changes by "
        f"{parts['oracle']:.3f} ({parts['oracle_se']:.3f})."
    )


def _chart(way: str, title: str, points: Sequence[Mapping[str, float]], parts: Mapping[str, float] | None) -> Chart:
    """Proxy (left axis) and oracle (right axis) against KL, with 95 % intervals over prompts."""
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": [point["kl"] for point in points],
            "y": [point[name] for point in points],
            "yaxis": axis,
            "line": {"color": COLOURS[shade]},
            "error_y": {"type": "data", "array": [_Z * point[f"{name}_se"] for point in points], "visible": True},
        }
        for name, axis, shade in (("proxy", "y", 0), ("oracle", "y2", 1))
    ]
    line = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "line": {"dash": "dot"}}
    layout = {
        "xaxis": {"title": {"text": "KL from the base, nats"}},
        "yaxis": {"title": {"text": "proxy"}},
        "yaxis2": {"title": {"text": "oracle"}, "overlaying": "y", "side": "right"},
        "shapes": [] if parts is None else [{**line, "x0": parts["kl"], "x1": parts["kl"]}],
        "margin": {"l": 60, "r": 60, "t": 8, "b": 50},
    }
    return Chart(f"{way.replace('_', '-')}-chart", f"{title}: proxy and oracle score", 420, traces, layout)
