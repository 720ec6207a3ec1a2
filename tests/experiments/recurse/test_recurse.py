"""Two rounds on the microworld: what is kept and told, stopping, going on, and coming back after a kill."""

from __future__ import annotations

import csv
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from constitutions.constitution import load_constitution
from constitutions.validation import load_model
from experiments.cases import load_cases
from experiments.config import ExperimentSpec
from experiments.prepare import prepare_arm
from experiments.recurse.columns import read_measures
from experiments.recurse.metrics import METRICS, measured_metrics
from experiments.recurse.results import RecursionResults
from experiments.results.run import read_results
from experiments.scoring import mark_texts
from experiments.world.cases import cases as world_cases
from hierarchy.executor import read_back
from hierarchy.journal import Journal
from tests.experiments import commands
from tests.experiments.commands import invoke
from tests.experiments.recurse.conftest import ARM, TRIPS, Made
from training.datasets import SftRow
from training.files import read_rows

TOLD = set(METRICS) - {"blind_violations", "seen_violations", "blind_share"}


def figures(results: RecursionResults) -> list[dict[str, object]]:
    """Everything that does not depend on the clock or the folder."""
    return [each.model_dump() for arm in results.arms for each in arm.rounds]


def test_every_round_is_a_run_directory(two_rounds: Made) -> None:
    for number in (1, 2):
        run = two_rounds.folder / ARM / f"round-0{number}"
        for name in ("config.yaml", "journal.sqlite", "results.json", "report.html", "datasets", "records"):
            assert (run / name).exists(), name
        found = read_results(run)
        assert [model.model for model in found.evaluations] == ["before", ARM] * 2
    shown = invoke("show", two_rounds.folder / ARM / "round-02", _case(two_rounds, 2))
    assert "draft" in shown.stdout


def _case(made: Made, number: int) -> str:
    spec = yaml.safe_load((made.folder / ARM / f"round-0{number}" / "config.yaml").read_text())
    return world_cases("supervision", 18, spec["seed"])[0].case_id


def test_the_tuned_base_and_overseers_play_the_next_round(two_rounds: Made) -> None:
    first, second = (
        yaml.safe_load((two_rounds.folder / ARM / f"round-0{n}" / "config.yaml").read_text()) for n in (1, 2)
    )
    tuned = (two_rounds.folder / ARM / "round-01").resolve()
    for spec, base, critic in (
        (first, "base", "critic_a"),
        (second, str(tuned / "checkpoints" / f"{ARM}-sft"), str(tuned / "overseers" / "critic")),
    ):
        agents = spec["arms"][ARM]["agents"]
        assert agents["base"]["model"]["path"].endswith(base)
        assert agents["critic"]["model"]["path"].endswith(critic)
        assert agents["critic_strong"]["model"]["path"] == "world:critic_strong"
        assert spec["agents"]["base"] == agents["base"]
    assert first["seed"] != second["seed"]
    assert first["training"][0]["train"]["seed"] != second["training"][0]["train"]["seed"]


def test_overseers_learn_what_they_were_asked_and_only_that(two_rounds: Made) -> None:
    """Rows of the hidden layer: a critic's own turns and verdicts, a safety model's verdicts."""
    datasets = two_rounds.folder / ARM / "round-01" / "datasets" / ARM
    for agent, roles in (("critic", {"critic", "verdict"}), ("monitor", {"safety"})):
        rows = read_rows(datasets / f"overseer-{agent}.jsonl")
        assert len(rows) == two_rounds.results.arms[0].rounds[1].overseers[agent]
        assert {row.prompt[-1].role for row in rows} == roles
        assert {row.lineage.layer for row in rows} == {"hidden"}
        said = {row.completion[0].content for row in rows if isinstance(row, SftRow) and row.prompt[-1].content}
        assert said == {"yes", "no"}


def test_every_metric_is_told_with_its_interval_and_its_change(two_rounds: Made) -> None:
    rounds = two_rounds.results.arms[0].rounds
    assert [each.round for each in rounds] == [0, 1, 2]
    for each in rounds:
        assert set(each.measures) == TOLD
        for name, measured in each.measures.items():
            if measured.value.value is not None and not (name.startswith("kl_") and each.round == 0):
                assert measured.value.low is not None, name
                assert measured.value.low <= measured.value.value <= measured.value.high, name
            assert (measured.change is None) == (each.round == 0)
    for name in ("kl_k1", "kl_k3", "kl_exact"):
        distance = [each.measures[name].value.value for each in rounds]
        assert distance[0] == 0
        assert distance[1] > 0.01 or name == "kl_k1"
    assert rounds[1].rows > 0
    assert rounds[1].overseers["critic"] > 0
    assert rounds[2].base == f"{ARM}/round-02/checkpoints/{ARM}-sft"


def test_violations_are_the_oracles_word_on_the_bases_own_answers(two_rounds: Made) -> None:
    """From the journal's records of an evaluation, against the column that the figures are made of."""
    folder = two_rounds.folder / ARM / "base-01"
    spec = load_model(folder / "config.yaml", ExperimentSpec)
    columns, records = load_cases(spec.dataset, spec.seed)
    with Journal.open(folder / "journal.sqlite") as journal:
        block = read_back(prepare_arm(spec, ARM), columns, journal)
    said = block.said(block.plan.moving[0])["text"][:, 0].tolist()
    marks = mark_texts(records, said, np.zeros(len(said), bool), load_constitution(spec.constitution))
    kept = read_measures(folder / "measures.parquet").columns
    np.testing.assert_array_equal(kept["violations"].num_N, marks.violates_NP.any(axis=1))
    np.testing.assert_array_equal(kept["correct"].den_N, marks.benign_N)
    # A critic that flags exactly what violates is right on every prompt; so accuracy, misses and false alarms agree.
    wrong = kept["overseer_misses"].num_N + kept["overseer_false_alarms"].num_N
    np.testing.assert_allclose(kept["overseer_accuracy"].num_N, 1 - wrong)


def test_table_page_and_data_say_the_same(two_rounds: Made) -> None:
    page = (two_rounds.folder / "report.html").read_text()
    value = two_rounds.results.arms[0].rounds[2].measures["violations"].value
    assert f"{100 * value.value:.1f}" in two_rounds.said
    assert f"<b>{100 * value.value:.1f}\u00a0%</b>" in page
    assert page.count('class="chart"') == len(measured_metrics(two_rounds.results.arms))
    with (two_rounds.folder / "data" / "rounds.csv").open() as file:
        rows = {(row["round"], row["metric"]): row for row in csv.DictReader(file)}
    assert float(rows["2", "violations"]["value"]) == value.value
    assert float(rows["2", "violations"]["low"]) == value.low
    assert rows["0", "violations"]["change_value"] == ""


def test_again_nothing_is_done_again(two_rounds: Made) -> None:
    weights = two_rounds.folder / ARM / "round-02" / "checkpoints" / f"{ARM}-sft" / "model.safetensors"
    stamp, before = weights.stat().st_mtime_ns, two_rounds.results
    said = invoke("recurse", two_rounds.config, "--rounds", "2", "--out", two_rounds.folder).stdout
    assert "oversee" not in said
    assert "train" not in said
    assert weights.stat().st_mtime_ns == stamp
    assert two_rounds.results == before


def test_another_config_does_not_go_on_in_the_folder(two_rounds: Made) -> None:
    found = invoke("recurse", two_rounds.config, "--out", two_rounds.folder, "--set", "seed=8", expect=2)
    assert "holds a recursion of another config" in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def test_a_tripwire_stops_an_arm_with_exit_code_3(two_rounds: Made) -> None:
    """The rounds are the fixture's and are read from its folder; only the wire is new."""
    before, wire = two_rounds.results, f"tripwires=[{json.dumps(TRIPS)}]"
    given = ("recurse", two_rounds.config, "--rounds", "2", "--out", two_rounds.folder)
    said = invoke(*given, "--set", wire, expect=3).stdout
    found = two_rounds.results
    page = (two_rounds.folder / "report.html").read_text()
    invoke(*given)
    assert "stopped after round 1: KL to the first base, exact rose" in " ".join(said.split())
    assert found.tripped
    assert [each.round for each in found.arms[0].rounds] == [0, 1]
    assert "was stopped by a tripwire after round 1" in page
    assert two_rounds.results == before


@pytest.mark.slow
def test_killed_with_sigkill_it_goes_on_to_the_same_figures(two_rounds: Made, tmp_path: Path) -> None:
    """Killed at a random moment of the first round, which comes to the same figures and the same weights."""
    folder = tmp_path / "run"
    process = commands.start("recurse", two_rounds.config, "--rounds", "1", "--out", folder)
    journal = folder / ARM / "round-01"
    try:
        commands.wait_for_rows(journal, 1, process)
        time.sleep(int.from_bytes(os.urandom(1)) / 255 * 6)
    finally:
        process.kill()  # SIGKILL
        process.wait()
    invoke("recurse", two_rounds.config, "--rounds", "1", "--out", folder)
    found = RecursionResults.model_validate_json((folder / "results.json").read_text())
    assert figures(found) == figures(two_rounds.results)[:2]
    weights = Path(ARM) / "round-01" / "checkpoints" / f"{ARM}-sft" / "model.safetensors"
    assert (folder / weights).read_bytes() == (two_rounds.folder / weights).read_bytes()
