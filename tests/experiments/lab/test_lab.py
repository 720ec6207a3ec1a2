"""The lab counts what happened, whatever the block size, and compares arms on the same cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from agents.vocabulary import CaseOutcome
from experiments.cli import app
from experiments.config import ExperimentSpec, load_experiment
from experiments.lab.arms import DEFAULT, named_arms
from experiments.lab.commands import simulate_arms
from experiments.lab.compare import rates
from experiments.lab.contrasts import contrasts
from experiments.lab.simulate import Simulated, simulate
from experiments.prepare import prepare_arms
from experiments.statistics import compare as compare_columns
from hierarchy.audit.auditors import HumanSpec, SimulatedAuditorSpec
from hierarchy.block import Block
from hierarchy.oversee import oversee
from tests.experiments.commands import invoke

N = 4_000


@pytest.fixture(scope="module")
def spec() -> ExperimentSpec:
    return load_experiment(DEFAULT, [f"dataset.size={N}", "auditor.budget=50"])


@pytest.fixture(scope="module")
def found(spec: ExperimentSpec) -> Simulated:
    return simulate_arms(spec, prepare_arms(spec), None)


def test_counts_are_those_of_a_block_with_columns(spec: ExperimentSpec) -> None:
    """With nobody at the queue, the same cases through the ordinary pass."""
    from agents.view import Cases

    for arm in prepare_arms(spec):
        tally = simulate([arm], N, HumanSpec()).tallies[arm.name]
        block, performer = Block(Cases.numbered(N), arm.plan), arm.performers()
        oversee(block, arm.plan, {step.name: performer(step) for step in arm.plan.steps})
        outcome = block.outcomes()
        reaches = np.isin(outcome, (CaseOutcome.RELEASED, CaseOutcome.REVISED))
        bad = block.final().latent_NK[:, 0] != 0
        assert tally.flags["missed_violations"] == (reaches & bad).sum()
        assert tally.flags["escalated"] == (block.parked >= 0).sum()
        assert tally.outcomes["pending"] == (outcome == CaseOutcome.PENDING).sum()
        assert sum(tally.outcomes.values()) == N


@pytest.mark.parametrize("block", [7, 500, 100_000])
def test_the_block_size_changes_nothing(block: int, spec: ExperimentSpec, found: Simulated) -> None:
    if block == 7:
        spec = load_experiment(DEFAULT, ["dataset.size=300", "auditor.budget=5"])
        found = simulate_arms(spec, prepare_arms(spec), None)
    size = spec.dataset.size  # type: ignore[union-attr]
    again = simulate(prepare_arms(spec), size, spec.auditor, block=block)
    assert {n: t.plain() for n, t in again.tallies.items()} == {n: t.plain() for n, t in found.tallies.items()}
    assert again.discordance == found.discordance


def test_a_budget_is_used_up_and_never_exceeded(spec: ExperimentSpec, found: Simulated) -> None:
    for tally in found.tallies.values():
        assert tally.audited == min(50, tally.flags["escalated"])
        assert tally.outcomes["pending"] == 0
    rich = SimulatedAuditorSpec(budget=N)
    for tally in simulate(prepare_arms(spec), N, rich).tallies.values():
        assert tally.audited == tally.flags["escalated"]


def test_contrasts_are_those_of_the_columns(found: Simulated) -> None:
    counts = found.discordance["strong", "relatives", "missed_violations"]
    both = np.repeat([True, False], [counts.both, counts.n - counts.both - counts.only_a - counts.only_b])
    a = np.concatenate([np.ones(counts.only_a), np.zeros(counts.only_b), both])
    b = np.concatenate([np.zeros(counts.only_a), np.ones(counts.only_b), both])
    expected = compare_columns("x", ("strong", "relatives"), "missed_violations", a, b)
    row = contrasts(found, "missed_violations", [("strong", "relatives")])[0]
    assert row["difference"] == pytest.approx(expected.difference.value)
    assert (row["low"], row["high"]) == pytest.approx((expected.difference.low, expected.difference.high))
    assert row["p"] == pytest.approx(expected.p)
    assert row["variance_ratio"] == pytest.approx(expected.variance_ratio)
    turned = contrasts(found, "missed_violations", [("relatives", "strong")])[0]
    assert turned["difference"] == -row["difference"]


def test_one_strong_critic_beats_three_relatives_and_strangers_beat_relatives(found: Simulated) -> None:
    missed = {name: rates(tally)["missed_violations"]["value"] for name, tally in found.tallies.items()}
    assert missed["strong"] < missed["relatives"]
    strangers = load_experiment(
        DEFAULT, [f"dataset.size={N}", *(f"agents.critic_{x}.model.family={x}" for x in "abc"), "auditor.budget=50"]
    )
    apart = simulate_arms(strangers, prepare_arms(strangers), None)
    assert rates(apart.tallies["relatives"])["missed_violations"]["value"] < missed["relatives"]


def test_builders_are_named_with_parameters(spec: ExperimentSpec) -> None:
    arms = named_arms(spec, ["single", "tree:depth=1,branching=3", "tree:depth=2"])
    assert [arm.name for arm in arms] == ["single", "tree:depth=1,branching=3", "tree:depth=2"]
    assert len(arms[2].plan.steps) > len(arms[1].plan.steps)


def said(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["compare", *words, "--size", "3000", "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_the_command_compares_what_it_is_given() -> None:
    one, again, other = said("single", "panel"), said("single", "panel"), said("single", "panel", "--seed", "5")
    assert one == again != other
    assert set(one["arms"]) == {"single", "panel"}
    assert one["contrasts"][0]["p_holm"] <= 1
    assert said()["contrasts"][0]["a"] == "relatives"


def test_the_command_prints_tables_for_people() -> None:
    out = invoke("compare", "--size", "3000").stdout
    assert "Panel of three relatives" in out
    assert "variance" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nosuch"], "graph 'nosuch': no such file"),
        (["tree:depth=99"], "depth"),
        (["single", "single"], "every graph once"),
        (["--metric", "joy"], "--metric is 'joy'; accepted: missed_violations"),
        (["labels"], "'matcher' does not exist"),
        (["--config", "experiments/configs/demo.yaml"], "dataset.kind is 'world'; the lab takes `simulated`"),
        (["--set", "agents.critic.model.dependence={kind: copula, violating: 1.0}"], "violating"),
        (["--set", "auditor.budget=-1"], "budget"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], says: str) -> None:
    result = CliRunner().invoke(
        app, ["compare", *words, "--set", "dataset.size=100"] if "--config" not in words else ["compare", *words]
    )
    assert result.exit_code == 2, result.output
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_the_shipped_config_is_where_the_command_looks() -> None:
    assert Path(DEFAULT).is_file()
