"""The measures of arms in a run: by hand from the block, in results.json, in the terminal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from agents.figures import Estimate
from constitutions.constitution import load_constitution
from constitutions.errors import InputError
from experiments.config import load_experiment
from experiments.metrics.agreement import ABSENT, krippendorff_alpha
from experiments.metrics.arms import agreement, calibration, first_reviewers, judges
from experiments.metrics.calibration import auroc, brier, expected_calibration_error
from experiments.results.run import RunResults, read_results
from experiments.run import run_experiment
from experiments.scoring import mark_first
from experiments.terminal.tables import print_results
from hierarchy.block import Block
from hierarchy.topology import load_graph
from tests.experiments.commands import CONFIGS
from tests.hierarchy.graphs import compiled, simulate

SETS = [
    "dataset.size=400",
    "auditor.budget=20",
    "prices={currency: EUR, human_minute: 1, default: {per_call: 0.01}}",
    "latency={base: 2, critic: 1}",
    "gaps=[{weak: panel, supervised: single, ceiling: layers}]",
    "compare=[{a: panel, b: layers}, {a: single, b: layers}]",
]


@pytest.fixture(scope="module")
def block() -> Block:
    return simulate(compiled(load_graph("layers")), 500, propensity=0.3, false_alarm=0.1, missing=0.1, sure=0.8)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> RunResults:
    folder: Path = tmp_path_factory.mktemp("run") / "run"
    spec = load_experiment(CONFIGS / "simulated.yaml", SETS)
    run_experiment(spec, folder)
    return read_results(folder)


def test_reviewers_of_the_first_response_agree_as_counted_case_by_case(block: Block) -> None:
    steps = first_reviewers(block)
    assert [step.step.id for step in steps] == ["screen", "critic", "strong"]
    units = []
    for n in range(len(block)):
        for name in load_constitution("general").ids:
            unit = []
            for step in steps:
                said, p = block.said(step.index), step.principles.index(name) if name in step.principles else None
                heard = p is not None and block.ran[step.index, n] and said["finding_present"][n, 0, p]
                unit.append(int(said["finding_flag"][n, 0, p]) if heard else ABSENT)
            units.append(unit)
    found = agreement(block, 0)
    assert found is not None
    assert found.alpha.value == pytest.approx(krippendorff_alpha(units).value)
    assert found.whole < found.units < len(units)
    assert found.alpha.low < found.alpha.value < found.alpha.high


def test_one_reviewer_agrees_with_nobody() -> None:
    assert agreement(simulate(compiled(load_graph("single"))), 0) is None


def test_calibration_is_that_of_the_pairs(block: Block) -> None:
    first = mark_first(block, (), load_constitution("general"))
    step = first_reviewers(block)[1]
    said, p, y = block.said(step.index), [], []
    for n in np.flatnonzero(block.ran[step.index]):
        for k, name in enumerate(step.principles):
            if said["finding_present"][n, 0, k]:
                sure = float(said["finding_confidence"][n, 0, k])
                p.append(sure if said["finding_flag"][n, 0, k] else 1 - sure)
                y.append(bool(first.violates_NP[n, first.principles.index(name)]))
    found = next(one for one in calibration(block, first.violates_NP, first.principles, 0) if one.step == step.name)
    assert found.n == len(p)
    assert found.brier.value == pytest.approx(brier(p, y).score)
    assert found.auroc.value == pytest.approx(auroc(p, y))
    assert found.ece_width.value == pytest.approx(expected_calibration_error(p, y))


def test_a_judge_is_scored_where_one_side_is_right() -> None:
    """A judge that finds the better of two with sensitivity .9 and says so with probability .9."""
    block = simulate(compiled(load_graph("panel")), 1500, propensity=0.3, sensitivity=0.9, sure=0.9, sure_wrong=0.9)
    judge = next(step for step in block.plan.steps if step.role == "judge")
    sides = [source.instances[-1] for source in judge.options]
    violating = {side: block.said(side)["latent"][:, 0] != 0 for side in sides}
    found = judges(block, violating)[0]
    score, first, second = block.said(judge.index)["score"], violating[sides[0]], violating[sides[1]]
    gaps = []
    for n in np.flatnonzero(block.ran[judge.index] & (first != second)):
        right = 1 if first[n] else 0
        gaps.append(float(score[n, right]) - float(score[n, 1 - right]))
    assert found.n == len(gaps)
    assert found.probability.value == pytest.approx(np.mean(gaps))
    assert found.probability.value > 0.3


def test_every_figure_of_every_arm_has_an_interval(results: RunResults) -> None:
    for arm in results.arms:
        assert set(arm.per_case) == {"human_minutes", "calls", "cost", "latency"}  # simulated models count no tokens
        assert arm.tokens is None
        figures: list[Estimate] = list(arm.per_case.values())
        for one in arm.calibration:
            figures += [one.ece_width, one.ece_mass, one.brier, one.auroc]
        figures += [figure for point in arm.budgets for figure in (point.safety, point.usefulness)]
        figures += [arm.agreement.alpha, arm.agreement.fleiss] if arm.agreement else []
        for figure in figures:
            assert figure.low is not None
            assert figure.low <= figure.value <= figure.high
        assert arm.calibration
        assert arm.budgets
        assert arm.per_case["human_minutes"].value == pytest.approx(arm.human_minutes / arm.n)
        calls, minutes = arm.per_case["calls"].value, arm.per_case["human_minutes"].value
        assert arm.per_case["cost"].value == pytest.approx(0.01 * calls + minutes)


def test_comparisons_are_one_family_and_gaps_are_theirs(results: RunResults) -> None:
    assert [c.p_holm is not None and c.p_holm >= c.p for c in results.comparisons] == [True, True]
    weak, supervised, ceiling = (
        next(arm.missed.total.value for arm in results.arms if arm.arm == name)
        for name in ("panel", "single", "layers")
    )
    assert results.gaps[0].recovered.value == pytest.approx((supervised - weak) / (ceiling - weak))


def test_the_front_is_of_what_all_arms_were_measured_in(results: RunResults) -> None:
    front = results.front
    assert front is not None
    assert front.metrics == {"missed_violations": "lower", "human_minutes": "lower", "cost": "lower"}
    assert set(front.arms) | set(front.dominated) == {arm.arm for arm in results.arms}


def test_the_terminal_shows_them_in_80_columns(results: RunResults) -> None:
    console = Console(width=80, record=True, file=None, quiet=False)
    with console.capture() as captured:
        print_results(results, console)
    text = captured.get()
    for heading in ("What a case costs", "Agreement", "Calibration", "budget", "Pareto front", "gap recovered", "EUR"):
        assert heading in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("gaps=[{weak: nobody, supervised: single, ceiling: layers}]", "'nobody' is no arm; accepted: single"),
        ("prices={human_minute: -1}", "human_minute"),
        ("prices={agents: {critic: {per_token: 1}}}", "per_token"),
        ("latency={critic: -2}", "latency"),
        ("latency={nobody: 2}", "latency"),
    ],
)
def test_impossible_prices_latencies_and_gaps_are_named(given: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_experiment(CONFIGS / "simulated.yaml", [given])
