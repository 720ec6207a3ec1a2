from __future__ import annotations

from io import StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from agents.columns import COLUMNS
from experiments.cases import load_cases
from experiments.config import ExperimentSpec
from experiments.prepare import prepare_arms
from experiments.run import Finished, run_experiment
from experiments.show import case_tree
from hierarchy.executor import read_back
from hierarchy.journal import Journal
from hierarchy.records import case_table, digest, schema, tables, write_parquet
from hierarchy.settlement import settlements
from hierarchy.topology import load_graph
from tests.hierarchy.canary import CANARY
from tests.hierarchy.graphs import A, R, Told, compiled, simulate
from training.datasets import preference_rows, sft_rows


def test_hidden_columns_are_in_the_hidden_table_only() -> None:
    visible, hidden = schema(hidden=False), schema(hidden=True)
    declared = {column.name: column.hidden for columns in COLUMNS.values() for column in columns}
    assert declared["critique"]
    assert declared["finding_flag"]
    assert not [name for name in visible.names if declared.get(name) and name not in hidden.names]
    for name in ("critique", "severity", "override", "finding_flag", "score", "comment", "latent"):
        assert name in hidden.names
        assert name not in visible.names


def test_a_row_is_one_step_of_one_case_and_candidate() -> None:
    text = """
steps:
  - {id: draft, role: base, agent: base, candidates: 3}
  - {id: critic, role: critic, agent: critic}
edges:
  - {from: draft, to: critic}
  - {from: critic, to: release, when: {field: verdict, op: eq, value: accept}}
"""
    visible, hidden = tables("arm", Told().run(compiled(text), 4))
    keys = list(zip(*(visible[name].to_pylist() for name in ("case_id", "step", "candidate")), strict=True))
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys) == 4 * (3 + 1)
    assert visible.num_rows == hidden.num_rows


def test_missing_findings_are_nulls_not_zeros() -> None:
    block = simulate(compiled(load_graph("single")), 40, missing=1.0)
    _, hidden = tables("arm", block)
    rows = [row for row in hidden.to_pylist() if row["step"] == "critic.0"]
    assert all(flag is None for row in rows for flag in row["finding_flag"])
    assert all(any(row["finding_asked"]) for row in rows)


def test_a_digest_is_of_the_rows_and_not_of_their_batches() -> None:
    visible, _ = tables("arm", simulate(compiled(load_graph("panel")), 40))
    parts = pa.concat_tables([visible.slice(0, 7), visible.slice(7)])
    assert digest(parts) == digest(visible)
    assert digest(visible.slice(1)) != digest(visible)
    assert digest(visible.set_column(0, "arm", pa.array(["other"] * len(visible)))) != digest(visible)


def test_the_case_table_has_a_row_per_case_with_its_outcome() -> None:
    block = Told(verdicts={"critic.0": [A, R], "critic.1": [A, A]}).run(compiled(load_graph("single")), 2)
    rows = case_table("arm", block).to_pylist()
    assert [row["case_id"] for row in rows] == ["0", "1"]
    assert [row["outcome"] for row in rows] == ["released", "revised"]


def test_parquet_is_whole_or_absent(tmp_path: Path) -> None:
    table = case_table("arm", Told().run(compiled(load_graph("single")), 2))
    write_parquet(table, tmp_path / "new" / "cases.parquet")
    assert pq.read_table(tmp_path / "new" / "cases.parquet").equals(table)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["cases.parquet"]


SCRIPTED = "tests.hierarchy.canary"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, ExperimentSpec]:
    """A run whose critics write a canary into every critique."""
    folder = tmp_path_factory.mktemp("canary")
    lines = [f'{{"id": "{n}", "prompt": "question {"x" * n}"}}' for n in range(12)]
    (folder / "cases.jsonl").write_text("\n".join(lines) + "\n")
    base = {"model": {"kind": "scripted", "generate": f"{SCRIPTED}:answer"}}
    critic = {"model": {"kind": "scripted", "generate": f"{SCRIPTED}:critique", "score": f"{SCRIPTED}:verdict"}}
    names = ("critic", "critic_a", "critic_b", "critic_c", "critic_strong", "monitor", "judge")
    spec = ExperimentSpec.model_validate(
        {
            "name": "canary",
            "dataset": {"kind": "file", "path": str(folder / "cases.jsonl")},
            "constitution": "general",
            "agents": {"base": base, **dict.fromkeys(names, critic)},
            "arms": {name: {"graph": name} for name in ("single", "panel", "layers")},
            "auditor": {"kind": "simulated", "budget": 3},
        }
    )
    return run_experiment(spec, folder / "run"), spec


def test_the_canary_stays_in_the_hidden_layer(finished: tuple[Finished, ExperimentSpec]) -> None:
    folder = finished[0].folder
    hidden = pq.read_table(folder.records / "hidden.parquet")
    assert CANARY in repr(hidden.to_pylist())
    for name in ("visible", "cases"):
        assert CANARY not in repr(pq.read_table(folder.records / f"{name}.parquet").to_pylist())
    assert CANARY not in folder.log.read_text()


def test_the_canary_is_in_no_dataset(finished: tuple[Finished, ExperimentSpec]) -> None:
    run, spec = finished
    cases, _ = load_cases(spec.dataset, spec.seed)
    rows: list[object] = []
    with Journal.open(run.folder.journal, create=False) as journal:
        for arm in prepare_arms(spec):
            settled = settlements(arm.name, read_back(arm, cases, journal))
            rows += [*sft_rows(settled, "run"), settled]
            if arm.name != "single":
                rows += preference_rows(settled, "run")
    assert len(rows) > 12
    assert CANARY not in repr(rows)


def test_the_canary_is_shown_only_on_request(finished: tuple[Finished, ExperimentSpec]) -> None:
    run, spec = finished
    cases, _ = load_cases(spec.dataset, spec.seed)
    arm = prepare_arms(spec)[0]
    printed = {}
    with Journal.open(run.folder.journal, create=False) as journal:
        for hidden in (False, True):
            console = Console(width=200, record=True, file=StringIO())
            for n in range(len(cases)):
                console.print(case_tree(arm, cases.take(slice(n, n + 1)), journal, hidden))  # type: ignore[arg-type]
            printed[hidden] = console.export_text()
    assert "answer" in printed[False]
    assert CANARY not in printed[False]
    assert CANARY in printed[True]
