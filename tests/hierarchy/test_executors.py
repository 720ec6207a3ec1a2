from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.simulated.spec import Shock
from agents.spec import TransformersSpec
from agents.view import Cases
from experiments.config import load_experiment
from experiments.prepare import prepare_arms
from experiments.world.cases import cases as world_cases
from hierarchy.arm import Arm
from hierarchy.executor import Executor, LocalRoles, LocalShards, Writer, read_back
from hierarchy.journal import Journal
from hierarchy.ray_executor import RayRoles, RayShards
from hierarchy.records import case_table, digest, tables
from hierarchy.topology import load_graph
from tests.hierarchy.graphs import arm, compiled, without_syncing

CASES = Cases.numbered(36)
CONFIG = Path(__file__).parents[2] / "experiments" / "configs" / "demo.yaml"


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        without_syncing(patch)
        yield


def records(executor: Executor, arms: list[Arm], cases: Cases, path: Path) -> str:
    """The digest of everything that the executor leaves behind for these arms, in a new journal."""
    with Journal.open(path) as journal:
        parts = []
        for one in arms:
            ended: list[int] = []
            executor.run(one, cases, Writer(journal, ended.append))
            assert ended[-1] == len(cases)
            block = read_back(one, cases, journal)
            parts += [*tables(one.name, block), case_table(one.name, block)]
        assert journal.count() > len(cases)
    return digest(*parts)


def local(schedule: str, block: int) -> Executor:
    return LocalShards(block) if schedule == "shards" else LocalRoles(block)


@pytest.fixture(scope="module")
def simulated() -> list[Arm]:
    """The shipped topologies with agents that err, are missing at times and share blind spots; all of them park."""
    spec = {
        "propensity": 0.3,
        "false_alarm": 0.1,
        "missing": 0.05,
        "noise": 0.5,
        "family": "f",
        "dependence": Shock(violating=0.7, innocent=0.5),
    }
    names = ("single", "panel", "layers")
    return [replace(arm(compiled(load_graph(name)), **spec), name=name) for name in names]


@pytest.fixture(scope="module")
def expected(simulated: list[Arm], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What one block with every case leaves behind."""
    path = tmp_path_factory.mktemp("whole") / "journal"
    return records(LocalShards(1000), simulated, CASES, path)


@pytest.mark.parametrize("block", [1, 7, 1000])
@pytest.mark.parametrize("schedule", ["shards", "roles"])
def test_local_executors_leave_the_same_records(
    schedule: str, block: int, simulated: list[Arm], expected: str, tmp_path: Path
) -> None:
    executor = local(schedule, block)
    assert records(executor, simulated, CASES, tmp_path / "journal") == expected


@pytest.fixture(scope="module")
def expected_of_layers(simulated: list[Arm], tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("layers") / "journal"
    return records(LocalShards(1000), simulated[2:], CASES, path)


@pytest.mark.ray
@pytest.mark.parametrize("block", [1, 7, 1000])
def test_shards_on_ray_leave_the_same_records(
    block: int, simulated: list[Arm], expected_of_layers: str, tmp_path: Path, ray_cluster: str
) -> None:
    executor = RayShards(2, block)
    assert records(executor, simulated[2:], CASES, tmp_path / "journal") == expected_of_layers


@pytest.mark.ray
def test_roles_on_ray_leave_the_same_records(
    simulated: list[Arm], expected_of_layers: str, tmp_path: Path, ray_cluster: str
) -> None:
    with roles_on_ray() as executor:
        for executor.batch in (1, 7, 1000):
            path = tmp_path / f"journal-{executor.batch}"
            assert records(executor, simulated[2:], CASES, path) == expected_of_layers
        assert len({member["pid"] for member in executor.who(simulated[2])}) == len(simulated[2].used())


@contextmanager
def roles_on_ray() -> Iterator[RayRoles]:
    """An executor whose actors end with the test."""
    import ray

    executor = RayRoles(7)
    yield executor
    for actor in executor._actors.values():
        ray.kill(actor)


def test_another_seed_gives_other_records(simulated: list[Arm], expected: str, tmp_path: Path) -> None:
    others = [replace(one, seed=one.seed + 1) for one in simulated]
    assert records(LocalShards(1000), others, CASES, tmp_path / "journal") != expected


def test_running_again_records_nothing_more(simulated: list[Arm], tmp_path: Path) -> None:
    cases = Cases.numbered(60)
    with Journal.open(tmp_path / "journal") as journal:
        writer = Writer(journal, lambda count: None)
        LocalShards(7).run(simulated[1], cases, writer)
        before = repr(list(journal.entries()))
        LocalRoles(5).run(simulated[1], cases, writer)
        LocalShards(1).run(simulated[1], cases.take(np.arange(59, 20, -1)), writer)
        assert repr(list(journal.entries())) == before


@pytest.fixture(scope="module")
def models() -> list[Arm]:
    """The layers of the demo on its shipped checkpoints, with a small fixed batch."""
    arms = prepare_arms(load_experiment(CONFIG))
    return [small(one) for one in arms if one.name == "layers"]


def small(one: Arm) -> Arm:
    agents = {}
    for name, spec in one.agents.items():
        assert isinstance(spec.model, TransformersSpec)
        agents[name] = spec.model_copy(update={"model": spec.model.model_copy(update={"batch_size": 8})})
    return replace(one, agents=agents)


@pytest.fixture(scope="module")
def told(models: list[Arm], tmp_path_factory: pytest.TempPathFactory) -> tuple[Cases, str]:
    cases = Cases.of(world_cases("supervision", 8, 5))
    return cases, records(LocalShards(1000), models, cases, tmp_path_factory.mktemp("models") / "journal")


@pytest.mark.parametrize(("schedule", "block"), [("roles", 1000), ("shards", 7), ("roles", 7), ("shards", 1)])
def test_language_models_leave_the_same_records(
    schedule: str, block: int, models: list[Arm], told: tuple[Cases, str], tmp_path: Path
) -> None:
    cases, expected = told
    assert records(local(schedule, block), models, cases, tmp_path / "journal") == expected


@pytest.mark.ray
@pytest.mark.slow
def test_language_models_in_roles_on_ray_leave_the_same_records(
    models: list[Arm], told: tuple[Cases, str], tmp_path: Path, ray_cluster: str
) -> None:
    cases, expected = told
    with roles_on_ray() as executor:
        assert records(executor, models, cases, tmp_path / "roles") == expected


@pytest.mark.ray
@pytest.mark.slow
def test_language_models_in_shards_on_ray_leave_the_same_records(
    models: list[Arm], told: tuple[Cases, str], tmp_path: Path, ray_cluster: str
) -> None:
    cases, expected = told
    assert records(RayShards(2, 3), models, cases, tmp_path / "shards") == expected
