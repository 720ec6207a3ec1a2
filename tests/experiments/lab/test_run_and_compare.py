"""`oversight run` carries simulated cases in columns, through a journal, and `oversight compare` in words: the same
cases come to the same ends by the same verdicts. What an auditor answers is drawn apart, so here nobody answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from agents.vocabulary import CaseOutcome, Verdict
from experiments.cli import app
from hierarchy.latent.records import told
from tests.experiments.commands import CONFIGS

ARMS = ("single", "panel", "layers", "debate", "consultancy")
N = 400


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The records of a run and of a comparison of the same config."""
    folder = tmp_path_factory.mktemp("both")
    built = {"debate", "consultancy"}
    graphs = ", ".join(f"{arm}: {{graph: {f'{{builder: {arm}}}' if arm in built else arm}}}" for arm in ARMS)
    sets = [f"arms={{{graphs}}}", f"dataset.size={N}", "compare=[]", "auditor={kind: human}"]
    given = [part for item in sets for part in ("--set", item)]
    config = str(CONFIGS / "simulated.yaml")
    run = CliRunner().invoke(app, ["run", config, "--out", str(folder / "run"), *given])
    lab = ["compare", "--config", config, "--out", str(folder / "lab"), "--records", "visits", *given]
    both = CliRunner().invoke(app, lab)
    assert (run.exit_code, both.exit_code) == (0, 0), run.output + both.output
    return folder / "run" / "records", folder / "lab" / "records"


@pytest.mark.parametrize("arm", ARMS)
def test_every_case_ends_the_same_way(arm: str, kept: tuple[Path, Path]) -> None:
    columns = pq.read_table(kept[0] / "cases.parquet").filter(pc.field("arm") == arm).to_pylist()
    words = pq.read_table(sorted((kept[1] / arm).glob("cases-*.parquet"))).to_pylist()
    there = {int(row["case_id"]): row["outcome"] for row in columns}
    assert there == {row["case"]: CaseOutcome(row["outcome"]).name.lower() for row in words}
    assert len(there) == N
    assert len(set(there.values())) >= 3


@pytest.mark.parametrize("arm", ARMS)
def test_every_step_says_the_same_of_every_case(arm: str, kept: tuple[Path, Path]) -> None:
    columns = pq.read_table(kept[0] / "visible.parquet").filter(pc.field("arm") == arm).to_pylist()
    names = pq.read_table(kept[1] / arm / "steps.parquet")["name"].to_pylist()
    visits = pq.read_table(sorted((kept[1] / arm).glob("visits-*.parquet")))
    _, verdicts = told(visits)
    where = zip(visits["case"].to_pylist(), visits["step"].to_pylist(), verdicts.tolist(), strict=True)
    words = {(case, names[step]): Verdict(code).name.lower() for case, step, code in where}
    assert {(int(row["case_id"]), row["step"]): row["verdict"] for row in columns} == words
    assert len(np.unique(verdicts)) >= 2
