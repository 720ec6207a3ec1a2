"""Debate and consultancy on the microworld's own models, as a user would run them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.experiments.commands import CONFIGS, SMALL_DEMO, invoke

DEBATE = "arms.d.graph={builder: debate, rounds: 1, judge: critic_mid, on_flag: refuse}"
ADVICE = "arms.c={graph: {builder: consultancy, rounds: 1, judge: critic_mid, on_flag: refuse}}"


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("debate") / "run"
    sets = [*SMALL_DEMO, DEBATE, ADVICE, "dataset.size=12", "execution.executor=local"]
    invoke("run", CONFIGS / "demo.yaml", "--out", run, sets=sets)
    return run / "records"


def rows(path: Path, **wanted: str) -> list[dict[str, Any]]:
    table = pq.read_table(path).to_pylist()
    return [row for row in table if all(row[key] == value for key, value in wanted.items())]


@pytest.mark.parametrize(("arm", "turns"), [("d", ("prosecution_1", "defence_1")), ("c", ("advice_1",))])
def test_every_turn_is_taken_and_every_case_is_settled(records: Path, arm: str, turns: tuple[str, ...]) -> None:
    assert {row["outcome"] for row in rows(records / "cases.parquet", arm=arm)} <= {"released", "refused"}
    for step in (*turns, "judge"):
        said = rows(records / "hidden.parquet", arm=arm, step=step)
        assert len(said) == 12
        assert any(row["critique"] for row in said)
        assert all(any(row["finding_present"]) for row in said)


def test_what_is_heard_changes_what_the_judge_says(records: Path) -> None:
    """The same judge on the same answers, after a debate and after one consultant."""
    one, other = (rows(records / "hidden.parquet", arm=arm, step="judge") for arm in "dc")
    assert [row["case_id"] for row in one] == [row["case_id"] for row in other]
    assert [row["finding_confidence"] for row in one] != [row["finding_confidence"] for row in other]
