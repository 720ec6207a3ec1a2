"""Credit: what overseers contribute adds up, has intervals that hold, and is what a hand computation says."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from constitutions.errors import InputError
from experiments.cli import app
from experiments.config import load_experiment
from experiments.credit.commands import arm_credit
from experiments.credit.credit import credit
from experiments.credit.shapley import shapley_exact, shapley_sampled
from experiments.credit.subjects import is_experiment
from experiments.credit.values import simulated_value
from experiments.lab.arms import DEFAULT, named_arms
from experiments.results.figures import CreditResult
from hierarchy.absent import reviewing
from hierarchy.arm import Arm
from hierarchy.audit.auditors import SimulatedAuditorSpec
from tests.experiments.commands import CONFIGS
from tests.hierarchy.graphs import arm as arm_with
from tests.hierarchy.graphs import compiled

N = 20_000
AUDITOR = SimulatedAuditorSpec(budget=N)


def arm_of(graph: str) -> Arm:
    return named_arms(load_experiment(DEFAULT), [graph])[0]


def simulated(graph: str, metric: str = "missed_violations") -> CreditResult:
    arm = arm_of(graph)
    return credit(graph, reviewing(arm.plan), metric, simulated_value(arm, metric, N, AUDITOR))


def glove(who: frozenset[str]) -> np.ndarray:
    """The glove game: one left glove, two right ones; a pair is worth 1. Shapley: 2/3, 1/6, 1/6."""
    return np.array([float("left" in who and len(who) > 1)])


def test_the_glove_game() -> None:
    found = shapley_exact(["left", "r1", "r2"], glove)
    assert [found[name].value_N[0] for name in ("left", "r1", "r2")] == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def odd(who: frozenset[str]) -> np.ndarray:
    """A game without symmetry, worth something else in each of three cases."""
    return np.array([len(who) ** 1.7 + ("a" in who) * ("c" in who) * 2.0, float("b" in who), 1.0])


def test_exact_values_are_means_over_all_orders_and_sampled_ones_come_near() -> None:
    exact, sampled = shapley_exact("abcd", odd), shapley_sampled("abcd", odd, 400, seed=1)
    for name in "abcd":
        gains = []
        for order in permutations("abcd"):
            before = frozenset(order[: order.index(name)])
            gains.append(odd(before | {name}) - odd(before))
        assert exact[name].value_N == pytest.approx(np.mean(gains, axis=0))
        assert exact[name].standard_error == 0
        error = sampled[name].standard_error
        assert abs(sampled[name].value_N.mean() - exact[name].value_N.mean()) <= 4 * error + 1e-9
    total = sum(part.value_N for part in sampled.values())
    assert total == pytest.approx(odd(frozenset("abcd")) - odd(frozenset()))


def test_the_sampling_error_is_what_it_says() -> None:
    exact = shapley_exact("abcd", odd)["a"].value_N.mean()
    parts = [shapley_sampled("abcd", odd, 20, seed=s)["a"] for s in range(300)]
    spread = np.std([part.value_N.mean() for part in parts])
    assert np.mean([part.standard_error for part in parts]) == pytest.approx(spread, rel=0.15)
    assert np.mean([part.value_N.mean() for part in parts]) == pytest.approx(exact, abs=4 * spread / np.sqrt(300))
    with pytest.raises(ValueError, match="at least 4"):
        shapley_sampled("abcd", odd, 3, seed=0)


@pytest.mark.parametrize("graph", ["panel", "layers", "critic_of_critic", "cascade", "weighted_panel"])
def test_parts_add_up_to_what_oversight_changes(graph: str) -> None:
    found = simulated(graph)
    assert sum(part.shapley.value for part in found.credit) == pytest.approx(found.everybody.value - found.nobody.value)
    assert found.coalitions == 2 ** len(found.credit)
    assert all(part.standard_error == 0 for part in found.credit)


def test_more_than_eight_overseers_are_sampled_and_add_up_too() -> None:
    arm = arm_of("tree:depth=2,branching=3")
    ids = reviewing(arm.plan)
    assert len(ids) > 8
    found = credit("tree", ids, "missed_violations", simulated_value(arm, "missed_violations", 2_000, AUDITOR), 0, 6)
    assert sum(part.shapley.value for part in found.credit) == pytest.approx(found.everybody.value - found.nobody.value)
    assert any(part.standard_error > 0 for part in found.credit)


def test_without_overseers_a_panel_lets_everything_pass() -> None:
    arm = arm_of("panel")
    nobody = simulated_value(arm, "released", N, AUDITOR)(frozenset())
    assert nobody.all()
    assert not simulated_value(arm, "escalated", N, AUDITOR)(frozenset()).any()


def test_the_credit_of_a_lone_critic_is_what_it_removes() -> None:
    found = simulated("single")
    part = found.credit[0]
    assert part.shapley == part.leave_one_out
    assert part.shapley.value == pytest.approx(found.everybody.value - found.nobody.value)


def test_equal_critics_have_equal_credit_within_their_intervals() -> None:
    parts = simulated("panel").credit
    assert all(part.shapley.high < -0.03 for part in parts)
    assert max(part.shapley.low for part in parts) < min(part.shapley.high for part in parts)


def test_intervals_cover_the_credit_of_the_population() -> None:
    """Cases of a game drawn anew: each has its own worth for three players; the mean credit of a is 0.3 + 0.2 / 2."""
    rng = np.random.default_rng(41)
    inside = 0
    for _ in range(200):
        alone, together = rng.random(80) < 0.3, rng.random(80) < 0.2

        def game(who: frozenset[str], alone: np.ndarray = alone, together: np.ndarray = together) -> np.ndarray:
            return ("a" in who) * alone + 1.0 * ({"a", "b"} <= who) * together

        shapley = credit("g", ("a", "b", "c"), "m", game).credit[0].shapley
        inside += shapley.low <= 0.4 <= shapley.high
    assert 0.9 <= inside / 200 <= 0.99


def test_the_command_takes_a_topology_or_an_experiment() -> None:
    result = CliRunner().invoke(app, ["credit", "layers", "--size", "3000", "--json"])
    found = json.loads(result.stdout)
    assert {row["overseer"] for row in found["credit"]} == {"screen", "critic", "strong"}
    assert CliRunner().invoke(app, ["credit", "layers", "--size", "3000"]).exit_code == 0
    both = CliRunner().invoke(app, ["credit", str(DEFAULT), "--size", "2000", "--json"])
    assert [json.loads(line)["arm"] for line in both.stdout.splitlines()] == ["strong", "relatives"]
    one = CliRunner().invoke(app, ["credit", str(DEFAULT), "--arm", "relatives", "--size", "2000", "--json"])
    assert one.stdout.splitlines() == both.stdout.splitlines()[1:]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["panel", "--metric", "joy"], "--metric is 'joy'; accepted: missed_violations"),
        ([str(DEFAULT), "--arm", "nobody"], "--arm is 'nobody'; accepted: strong, relatives"),
        (["panel", "--arm", "x"], "is a topology"),
        (["tree:depth=2,branching=3", "--permutations", "1"], "--permutations is 1; accepted: 4 or more"),
        (["chain", "--config", str(CONFIGS / "demo.yaml")], "name it as an arm"),
    ],
)
def test_mistakes_are_told_in_one_line(words: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["credit", *words, "--size", "100"])
    assert result.exit_code == 2
    assert message in result.output


def test_what_is_an_experiment(tmp_path: Path) -> None:
    graph, broken = tmp_path / "graph.yaml", tmp_path / "broken.yaml"
    graph.write_text("name: g\nsteps: []\n")
    broken.write_text("a: [")
    assert is_experiment(str(DEFAULT))
    assert not any(map(is_experiment, (str(graph), str(broken), "panel")))


def test_a_graph_without_overseers_is_refused() -> None:
    from rich.console import Console

    plan = compiled("steps: [{id: d, role: base, agent: base}]\nedges: [{from: d, to: release}]")
    with pytest.raises(InputError, match="no critic and no safety step"):
        arm_credit(load_experiment(DEFAULT), arm_with(plan), "missed_violations", 10, Console(quiet=True))
