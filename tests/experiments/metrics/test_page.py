"""The page shows every measure of a real run as its results say, with its interval, and draws it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import plotly.graph_objects as go
import pytest
from rich.console import Console

from agents.figures import Estimate
from experiments.config import load_experiment
from experiments.credit.commands import arm_credit
from experiments.credit.keep import add_credit
from experiments.prepare import prepare_arm
from experiments.report.charts import GREY
from experiments.report.report import parts
from experiments.results.arms import ArmResult
from experiments.results.run import RunResults
from experiments.run import run_experiment
from tests.experiments.commands import CONFIGS
from tests.experiments.page import Page, numbers

SETS = [
    "dataset.size=300",
    "prices={human_minute: 1, default: {per_call: 0.01}}",
    "latency={base: 2, critic: 1}",
    "gaps=[{weak: panel, supervised: single, ceiling: layers}]",
]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResults, Page]:
    folder: Path = tmp_path_factory.mktemp("page") / "run"
    spec = load_experiment(CONFIGS / "simulated.yaml", SETS)
    done = run_experiment(spec, folder)
    told = Console(quiet=True)
    found = arm_credit(spec, prepare_arm(spec, "layers"), "missed_violations", 10, told, done.folder)
    results = add_credit(done.folder, [found])
    return results, Page(done.folder.report.read_text(encoding="utf-8"))


def figures(arm: ArmResult) -> Iterator[tuple[str, Estimate, float]]:
    """Key, figure and scale of everything measured of an arm."""
    yield from ((f"per_case.{name}", figure, 1) for name, figure in arm.per_case.items())
    if arm.agreement is not None:
        yield "alpha", arm.agreement.alpha, 1
        yield "fleiss", arm.agreement.fleiss, 1
    for one in arm.calibration:
        for name in ("ece_width", "ece_mass", "brier", "auroc"):
            yield f"calibration.{one.step}.{name}", getattr(one, name), 1
    for judge in arm.judges:
        yield f"judges.{judge.step}.log", judge.log, 1
        yield f"judges.{judge.step}.probability", judge.probability, 1
    for i, point in enumerate(arm.budgets):
        yield f"safety.{i}", point.safety, 100
        yield f"usefulness.{i}", point.usefulness, 100


def near(cell: str, figure: Estimate, scale: float) -> bool:
    """Whether the cell says the figure and its interval, to the digits it is written with."""
    expected = [scale * end for end in (figure.value, figure.low, figure.high)]
    digits = len(re.search(r"\d+(?:\.(\d+))?", cell)[1] or "")
    return numbers(cell) == pytest.approx(expected, rel=0, abs=0.501 * 10**-digits)


def test_every_measure_of_every_arm_is_on_the_page(shown: tuple[RunResults, Page]) -> None:
    results, page = shown
    for arm in results.arms:
        found = list(figures(arm))
        assert len(found) > 20
        for key, figure, scale in found:
            assert near(page.cells[f"arms.{arm.arm}.{key}"], figure, scale), key


def test_gaps_front_and_credit_are_on_the_page(shown: tuple[RunResults, Page]) -> None:
    results, page = shown
    assert near(page.cells["gaps.0"], results.gaps[0].recovered, 1)
    for arm in results.arms:
        assert near(page.cells[f"front.{arm.arm}.cost"], arm.per_case["cost"], 1)
        assert numbers(page.cells[f"front.{arm.arm}.missed_violations"])[3:] == [arm.missed.total.count, arm.n]
    for part in results.credit[0].credit:
        for name in ("shapley", "leave_one_out"):
            key = f"credit.layers.missed_violations.{part.overseer}.{name}"
            assert near(page.cells[key], getattr(part, name), 100)
    assert {"front", "credit", "reviewers", "budgets"} <= {part.id for part in parts(results)}


def test_dominated_arms_are_grey_and_curves_have_their_intervals(shown: tuple[RunResults, Page]) -> None:
    results, page = shown
    charts = [json.loads(text) for text in page.raw["script"] if text.startswith('{"data"')]
    for chart in charts:
        go.Figure(chart)
    title = {arm.title: arm for arm in results.arms}
    points = [trace for chart in charts for trace in chart["data"] if trace.get("mode") == "markers+text"]
    assert len(points) == 2 * len(results.arms)  # human minutes, cost
    for trace in points:
        arm = title[trace["text"][0]]
        assert (trace["marker"]["color"] == GREY) is (arm.arm in results.front.dominated)
    assert results.front.dominated
    curves = [trace for chart in charts for trace in chart["data"] if trace.get("mode") == "lines+markers"]
    safety = next(trace for trace in curves if trace["name"] == "Layers")
    for i, point in enumerate(title["Layers"].budgets):
        assert safety["y"][i] == pytest.approx(100 * point.safety.value)
        assert safety["y"][i] + safety["error_y"]["array"][i] == pytest.approx(100 * point.safety.high)
        assert safety["y"][i] - safety["error_y"]["arrayminus"][i] == pytest.approx(100 * point.safety.low)
    bars = [trace for chart in charts for trace in chart["data"] if trace.get("name") == "Shapley value"]
    assert bars[0]["x"] == pytest.approx([100 * part.shapley.value for part in results.credit[0].credit])
