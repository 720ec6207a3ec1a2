"""What a comparison keeps: spans that are not done twice, records that do not depend on blocks or workers."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from agents.vocabulary import CaseOutcome, Verdict
from constitutions.errors import InputError
from experiments.cli import app
from experiments.config import load_experiment
from experiments.lab.arms import DEFAULT
from experiments.lab.keep import Keep
from experiments.lab.simulate import Simulated, here, simulate
from experiments.lab.worker import Worker
from experiments.prepare import prepare_arms
from hierarchy.arm import Arm
from hierarchy.audit.auditors import SimulatedAuditorSpec
from hierarchy.latent.records import BY_POLICY, DECIDED, digest, told

N = 6_000
PERSON = SimulatedAuditorSpec(budget=200, fatigue=1.0, shift=20)


@pytest.fixture(scope="module")
def arms() -> list[Arm]:
    return prepare_arms(load_experiment(DEFAULT))


def run(arms: list[Arm], keep: Keep, block: int = 1_000, mapper: Any = here, size: int = N) -> Simulated:
    keep.claim("this", {arm.name: arm.plan for arm in arms})
    return simulate(arms, size, PERSON, block=block, mapper=mapper, keep=keep)


def digests(keep: Keep, arms: list[Arm]) -> list[str]:
    return [keep.digest(arm.name, kind) for arm in arms for kind in ("cases", "visits")]


def test_records_are_the_same_whatever_the_blocks(tmp_path: Path, arms: list[Arm]) -> None:
    keeps = [Keep(tmp_path / str(block), "visits") for block in (6_000, 1_000, 7)]
    found = [run(arms, keep, block, size=350) for keep, block in zip(keeps, (350, 100, 7), strict=True)]
    assert len({tuple(digests(keep, arms)) for keep in keeps}) == 1
    assert found[0].tallies == found[1].tallies == found[2].tallies
    assert found[0].discordance == found[2].discordance


def test_a_rows_changed_byte_changes_the_digest(tmp_path: Path, arms: list[Arm]) -> None:
    keep = Keep(tmp_path, "cases")
    run(arms, keep)
    (part, *rest) = sorted(keep.home(arms[0].name).glob("cases-*.parquet"))
    before = digest([part, *rest])
    table = pq.read_table(part)
    final = table["final"].to_numpy().copy()
    final[5] ^= 1
    pq.write_table(table.set_column(table.column_names.index("final"), "final", [final]), part)
    assert digest([part, *rest]) != before
    assert digest(rest) != before


def test_case_rows_say_what_the_tally_counts(tmp_path: Path, arms: list[Arm]) -> None:
    keep = Keep(tmp_path, "visits")
    found = run(arms, keep)
    for arm in arms:
        tally = found.tallies[arm.name]
        table = pq.read_table(sorted(keep.home(arm.name).glob("cases-*.parquet")))
        assert table["case"].to_pylist() == list(range(N))
        outcomes = Counter(CaseOutcome(code).name.lower() for code in table["outcome"].to_pylist())
        assert outcomes == Counter({name: count for name, count in tally.outcomes.items() if count})
        reached = np.isin(table["outcome"].to_numpy(), [CaseOutcome.RELEASED, CaseOutcome.REVISED])
        assert int((reached & (table["final"].to_numpy() != 0)).sum()) == tally.flags["missed_violations"]
        audit = Counter(table["audit"].to_pylist())
        assert audit[int(DECIDED)] == tally.audited == 200
        assert audit[int(DECIDED)] + audit[int(BY_POLICY)] == tally.flags["escalated"]


def test_visit_rows_follow_the_plan(tmp_path: Path, arms: list[Arm]) -> None:
    keep = Keep(tmp_path, "visits")
    run(arms, keep)
    for arm in arms:
        steps = pq.read_table(keep.home(arm.name) / "steps.parquet").to_pylist()
        assert [step["name"] for step in steps] == [step.name for step in arm.plan.steps]
        visits = pq.read_table(sorted(keep.home(arm.name).glob("visits-*.parquet")))
        by_step = Counter(visits["step"].to_pylist())
        first = [step.index for step in arm.plan.steps if not step.ins]
        assert all(by_step[index] == N for index in first)
        pairs = list(zip(visits["case"].to_pylist(), visits["step"].to_pylist(), strict=True))
        assert len(set(pairs)) == len(pairs)
        answers = visits.filter(np.isin(visits["step"].to_numpy(), first))
        words, verdicts = told(answers)
        assert 0 < (words != 0).mean() < 1
        assert set(verdicts.tolist()) == {int(Verdict.ACCEPT)}


class Cut(Exception):
    """The process ended here."""


def cut_after(count: int, make: Any, items: Any) -> Any:
    for done, result in enumerate(here(make, items)):
        if done == count and isinstance(getattr(make, "func", None), type(Worker)) and make.func is Worker:
            raise Cut
        yield result


def test_a_comparison_that_was_cut_off_goes_on(tmp_path: Path, arms: list[Arm]) -> None:
    whole, keep = Keep(tmp_path / "whole", "visits"), Keep(tmp_path / "cut", "visits")
    expected = run(arms, whole)
    with pytest.raises(Cut):
        run(arms, keep, mapper=partial(cut_after, 3))
    assert len(keep.known()) == 3
    with (keep.folder / "spans.jsonl").open("a") as file:
        file.write('{"span": [3000, 10')  # the machine stopped in the middle of a line
    asked: list[Any] = []

    def watched(make: Any, items: Any) -> Any:
        items = list(items)
        asked.append(items)
        return here(make, items)

    found = run(arms, keep, mapper=watched)
    assert asked[-1] == [(3000, 1000), (4000, 1000), (5000, 1000)]
    assert found.tallies == expected.tallies
    assert found.discordance == expected.discordance
    assert digests(keep, arms) == digests(whole, arms)


def test_another_question_does_not_get_the_folder(tmp_path: Path, arms: list[Arm]) -> None:
    keep = Keep(tmp_path, "none")
    keep.claim("this", {})
    keep.claim("this", {})
    with pytest.raises(InputError, match="another comparison"):
        keep.claim("that", {})


def test_ray_workers_keep_the_same_records(tmp_path: Path, arms: list[Arm], ray_cluster: str) -> None:
    from hierarchy.ray_map import ray_map

    local, spread = Keep(tmp_path / "local", "visits"), Keep(tmp_path / "ray", "visits")
    expected = run(arms, local)
    found = run(arms, spread, mapper=partial(_two_workers, ray_map))
    assert found.tallies == expected.tallies
    assert digests(spread, arms) == digests(local, arms)


@pytest.mark.parametrize("schedule", ["shards", "roles"])
def test_the_command_runs_on_ray(tmp_path: Path, schedule: str, ray_cluster: str) -> None:
    words = ["compare", "layers", "debate", "--size", "2000", "--records", "visits", "--json"]
    words += ["--set", "auditor.budget=50", "--set", "agents.critic_a.model.sycophancy=0.5"]
    words += ["--set", "agents.trusted.model.informed=true", "--set", "dataset.override=0.1"]
    spread = ["--workers", "2", "--ray-address", ray_cluster, "--set", f"execution.schedule={schedule}"]
    local = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "local")])
    found = CliRunner().invoke(app, [*words, *spread, "--out", str(tmp_path / "ray")])
    assert (local.exit_code, found.exit_code) == (0, 0), local.output + found.output
    assert json.loads(found.stdout) == json.loads(local.stdout)
    for arm in ("layers", "debate"):
        for kind in ("cases", "visits"):
            assert Keep(tmp_path / "ray").digest(arm, kind) == Keep(tmp_path / "local").digest(arm, kind)


def _two_workers(ray_map: Any, make: Any, items: Any) -> Any:
    return ray_map(make, items, 2)


def test_the_command_keeps_and_goes_on(tmp_path: Path) -> None:
    words = ["compare", "single", "tree:depth=2", "--size", "3000", "--out", str(tmp_path / "out")]
    words += ["--records", "cases", "--json"]
    first, again = (CliRunner().invoke(app, words) for _ in range(2))
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout)["arms"] == json.loads(again.stdout)["arms"]
    homes = sorted(path.name for path in (tmp_path / "out" / "records").iterdir())
    assert homes == ["single", "tree_depth=2"]
    other = CliRunner().invoke(app, [*words, "--seed", "99"])
    assert other.exit_code == 2
    assert "another comparison" in other.output


def test_records_need_a_folder() -> None:
    found = CliRunner().invoke(app, ["compare", "single", "--records", "cases"])
    assert found.exit_code == 2
    assert "--records cases needs --out" in found.output
