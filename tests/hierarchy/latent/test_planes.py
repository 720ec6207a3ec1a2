"""Words of bits and columns are two ways to carry the same cases: same graph, same agents, same ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.simulated.spec import Adversary, BetaBinomial, Copula, Elo, Shock, SimulatedSpec
from agents.spec import AgentSpec
from agents.view import Cases
from constitutions.errors import InputError
from hierarchy.arm import Arm
from hierarchy.block import Block
from hierarchy.builders import BUILDERS, build
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.crew import latent_crew
from hierarchy.oversee import oversee
from hierarchy.plan import Plan
from hierarchy.topology import load_graph, shipped
from tests.hierarchy.builders.running import plan_of
from tests.hierarchy.graphs import compiled

N = 3_000
PLAIN: dict[str, Any] = {"propensity": 0.3, "false_alarm": 0.1}
SPECS: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "missing": {**PLAIN, "missing": 0.1, "sycophancy": 0.4},
    "shock": {**PLAIN, "slope": 1.5, "family": "f", "dependence": Shock(violating=0.6, innocent=0.2)},
    "copula": {**PLAIN, "family": "f", "dependence": Copula(violating=0.5), "collusion": 0.2},
    "beta": {**PLAIN, "slope": 1.0, "family": "f", "dependence": BetaBinomial(violating=0.3, innocent=0.1)},
    "rare": {"propensity": (1e-3, 0.5), "false_alarm": (0.0, 1e-3), "sensitivity": (1.0, 0.6)},
    "marks": {**PLAIN, "blunting": 0.3, "bold": 0.3, "bold_wrong": 0.7, "deference": 0.6, "informed": True},
    "arguing": {**PLAIN, "sensitivity": (0.3, 0.9), "truth_advantage": 150, "missing": 0.1, "sycophancy": 0.3},
    "override": {**PLAIN, "override": 2.0, "elo": Elo(rating=150, spread=200)},
    "adversary": {**PLAIN, "adversary": Adversary(family="f", knowledge=0.7), "family": "f", "informed": True},
}


def arm_of(plan: Plan, **spec: Any) -> Arm:
    names = {step.step.agent for step in plan.steps if step.step.agent is not None}
    return Arm("arm", plan, {name: AgentSpec(model=SimulatedSpec(**spec)) for name in names}, 5)


def words_and_columns(arm: Arm) -> tuple[LatentBlock, Block]:
    override = (
        max(spec.model.override for spec in arm.agents.values()) / 10
    )  # cases say something of it where agents do
    words = LatentBlock(LatentCases.numbered(0, N, override), arm.plan)
    columns = Block(Cases.numbered(N, override=override), arm.plan)
    oversee(words, arm.plan, latent_crew(arm))
    performer = arm.performers()
    oversee(columns, arm.plan, {step.name: performer(step) for step in arm.plan.steps})
    return words, columns


def carried_by_words(plan: Plan) -> bool:
    return not any(s.step.candidates > 1 or s.step.labels for s in plan.steps)


PLANS = {name: plan_of(name) for name in BUILDERS} | {
    f"shipped {name}": compiled(load_graph(name)) for name in shipped() if name != "labels"
}
CARRIED = sorted(name for name, plan in PLANS.items() if carried_by_words(plan))


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("name", CARRIED)
def test_every_case_goes_the_same_way(name: str, spec: dict[str, Any]) -> None:
    words, columns = words_and_columns(arm_of(PLANS[name], **spec))
    np.testing.assert_array_equal(words.ran(), columns.ran)
    np.testing.assert_array_equal(words.fired(), columns.fired)
    np.testing.assert_array_equal(words.parked(), columns.parked)
    np.testing.assert_array_equal(words.outcomes(), columns.outcomes())
    final, revision = words.final()
    there = columns.final()
    np.testing.assert_array_equal(final, there.latent_NK[:, 0])
    np.testing.assert_array_equal(np.broadcast_to(revision, N), there.revision_NK[:, 0])


def test_most_topologies_are_carried_by_words() -> None:
    assert len(CARRIED) >= 12


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_a_case_does_not_depend_on_its_block(block: int) -> None:
    arm = arm_of(PLANS["shipped layers"], **SPECS["shock"])
    crew, parts = latent_crew(arm), []
    count = 50 if block == 1 else 500
    for first in range(0, count, block):
        part = LatentBlock(LatentCases.numbered(first, min(block, count - first)), arm.plan)
        oversee(part, arm.plan, crew)
        parts.append(part.outcomes())
    whole, _ = words_and_columns(arm)
    np.testing.assert_array_equal(np.concatenate(parts), whole.outcomes()[:count])


def test_what_words_cannot_carry_is_refused_by_name() -> None:
    graph = build("single").model_copy(update={})
    steps = tuple(s.model_copy(update={"candidates": 2}) if s.role == "base" else s for s in graph.steps)
    plan = compiled(graph.model_copy(update={"steps": steps}))
    with pytest.raises(InputError, match="has several candidates"):
        latent_crew(arm_of(plan))


def test_several_reviewers_need_a_queue() -> None:
    graph = build("single")
    steps = tuple(s.model_copy(update={"reviewers": 2}) if s.role == "auditor" else s for s in graph.steps)
    with pytest.raises(InputError, match="asks for 2 reviewers"):
        latent_crew(arm_of(compiled(graph.model_copy(update={"steps": steps}))))
