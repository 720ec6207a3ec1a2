"""Credit by the ordinary run: journal, audit queue and oracle, with models that read words."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from rich.console import Console

from experiments.cases import load_cases
from experiments.config import load_experiment
from experiments.credit.commands import arm_credit
from experiments.credit.credit import credit
from experiments.credit.values import Overseen
from experiments.prepare import prepare_arm
from experiments.stages.overseeing import executor_for
from experiments.terminal.progress import Progress
from hierarchy.absent import reviewing
from tests.experiments.commands import CONFIGS, invoke

SMALL = ["dataset.size=24", "training=[]", "evaluation=null", "ladder=null", "execution.executor=local"]


@pytest.mark.slow
def test_language_models_get_credit_and_are_asked_once(tmp_path: Path) -> None:
    spec = load_experiment(CONFIGS / "demo.yaml", [*SMALL, "auditor.budget=4"])
    arm = prepare_arm(spec, "panel")
    cases, records = load_cases(spec.dataset, spec.seed)
    ids = reviewing(arm.plan)
    with executor_for(spec.execution) as executor:
        value = Overseen(
            spec, arm, "missed_violations", cases, records, executor, tmp_path, Progress(Console(quiet=True))
        )
        found = credit("panel", ids, "missed_violations", value)
    assert sum(p.shapley.value for p in found.credit) == pytest.approx(found.everybody.value - found.nobody.value)
    assert found.nobody.value > found.everybody.value
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        rows, distinct = connection.execute(
            "select count(*), count(distinct case_id || input_hash) from entry where step like 'critic%'"
        ).fetchone()
    assert rows == distinct < 24 * 3 * 2 ** (len(ids) - 1)  # what another coalition asked is answered from the journal


def test_an_executor_changes_nothing() -> None:
    sets = ["dataset.size=400", "auditor.budget=20", "dataset.kind=simulated"]
    spec = load_experiment(CONFIGS / "simulated.yaml", sets)
    one = arm_credit(spec, prepare_arm(spec, "layers"), "missed_violations", 10, Console(quiet=True))
    again = invoke("credit", CONFIGS / "simulated.yaml", "--arm", "layers", "--json", sets=sets)
    assert json.loads(again.stdout) == json.loads(one.model_dump_json())
