from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.spec import TransformersSpec
from agents.view import Cases
from constitutions.constitution import load_constitution
from experiments.config import load_experiment
from experiments.prepare import prepare_arms
from experiments.scoring import mark_final
from experiments.truth import truth_of
from experiments.world.cases import cases as world_cases
from hierarchy.arm import Arm
from hierarchy.audit.auditors import SimulatedAuditorSpec, work
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Item
from hierarchy.block import Block
from hierarchy.executor import LocalRoles, LocalShards, Writer, read_back
from hierarchy.journal import Journal
from hierarchy.parking import park
from hierarchy.records import case_table, tables
from hierarchy.settlement import settlements
from tests.hierarchy.graphs import without_syncing

CONFIG = Path(__file__).parents[2] / "experiments" / "configs" / "demo.yaml"
RECORDS = world_cases("supervision", 12, 3)
CASES = Cases.of(RECORDS)


class Peeked(Exception):
    """Somebody looked at the truth."""


@pytest.fixture(autouse=True)
def _closed_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on every look at the truth raises."""

    def peek() -> None:
        raise Peeked

    monkeypatch.setattr("experiments.world.oracle._consult", peek)
    without_syncing(monkeypatch)


@pytest.fixture(scope="module")
def arms() -> list[Arm]:
    """Every topology of the demo, on its shipped models."""
    spec = load_experiment(CONFIG)
    small = {"batch_size": 16}
    for agent in spec.agents.values():
        assert isinstance(agent.model, TransformersSpec)
    agents = {
        name: agent.model_copy(update={"model": agent.model.model_copy(update=small)})
        for name, agent in spec.agents.items()
    }
    return prepare_arms(spec.model_copy(update={"agents": agents}))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "journal") as opened:
        yield opened


def passed(arm: Arm, journal: Journal) -> Block:
    LocalShards(1000).run(arm, CASES, Writer(journal, lambda count: None))
    return read_back(arm, CASES, journal)


def test_a_pass_of_language_models_never_looks_at_the_truth(arms: list[Arm], journal: Journal, tmp_path: Path) -> None:
    for arm in arms:
        block = passed(arm, journal)
        assert block.halted() == len(CASES)
        assert block.final().present_NK.any()
        tables(arm.name, block)
        case_table(arm.name, block)
        settlements(arm.name, block)
        with AuditQueue.open(tmp_path / f"{arm.name}.audit", "run") as queue:
            park(arm, block, queue, 0.0)


def test_roles_never_look_either(arms: list[Arm], journal: Journal) -> None:
    LocalRoles(5).run(arms[-1], CASES, Writer(journal, lambda count: None))
    assert read_back(arms[-1], CASES, journal).halted() == len(CASES)


def test_scoring_looks(arms: list[Arm], journal: Journal) -> None:
    block = passed(arms[0], journal)
    with pytest.raises(Peeked):
        mark_final(block, RECORDS, load_constitution("microworld"))


def test_the_simulated_auditor_looks(tmp_path: Path) -> None:
    spec = SimulatedAuditorSpec(budget=5)
    item = Item("layers", RECORDS[0].case_id, "human", 1, {"response": "hello"}, 0.0, 0.0, math.inf)
    with AuditQueue.open(tmp_path / "audit", "run") as queue:
        assert queue.enqueue([item]) == 1
        with pytest.raises(Peeked):
            work(queue, spec, "layers", 7, 1.0, truth_of(spec, RECORDS))
