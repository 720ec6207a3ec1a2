"""A run whose training set is beyond a limit stops before anything trains, says so, and goes on with another gate."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from experiments.config import load_experiment
from experiments.datasets.known import outside_of
from experiments.folder import RunFolder, open_folder
from hierarchy.audit.auditors import HumanSpec, SimulatedAuditorSpec
from tests.experiments.commands import CONFIGS, digest, invoke
from tests.experiments.page import Page
from training.checks.spec import GateSpec

SMALL = (
    "execution={executor: local}",
    "arms={single: {graph: single}}",
    "ladder=null",
    "compare=[]",
    "dataset.size=24",
    "auditor.budget=6",
    "audit_sample={design: priority, budget: 6}",
    "evaluation={agent: base, validation: 8, test: 8}",
    "training=[{name: sft, data: sft, train: {method: sft, max_steps: 2, batch_size: 4}}]",
)
BROKEN = "gate.min_vendi=200"
pytestmark = pytest.mark.slow
Stopped = tuple[Path, Result, dict[str, Any]]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    """A run that its gate stopped, what it said, and what was there when it had stopped."""
    run = tmp_path_factory.mktemp("gate") / "run"
    said = invoke("run", CONFIGS / "demo.yaml", "--out", run, sets=[*SMALL, BROKEN], expect=1)
    state = {
        "checkpoints": (run / "checkpoints").exists(),
        "report": (run / "report.html").read_text("utf-8"),
        "audit": json.loads((run / "datasets" / "single" / "audit.json").read_text("utf-8")),
    }
    return run, said, state


@pytest.fixture(scope="module")
def trained(stopped: Stopped) -> tuple[Path, str]:
    """The same run with another gate, and the digest it had before."""
    run, before = stopped[0], digest(stopped[0])
    invoke("run", CONFIGS / "demo.yaml", "--out", run, sets=[*SMALL, "gate.min_vendi=2"])
    return run, before


def test_a_broken_limit_stops_the_run_in_one_line_before_anything_trains(
    stopped: Stopped,
) -> None:
    _, said, state = stopped
    (line,) = said.stderr.strip().splitlines()
    vendi = r"the Vendi score of 24 answers is [\d.]+, and min_vendi allows at least 200"
    would = "train on more varied answers, or change gate.min_vendi"
    assert re.fullmatch(
        f"oversight: training set single/sft: {vendi}; nothing was trained; {would}; report .*report.html", line
    )
    assert state["checkpoints"] is False
    page = Page(state["report"])
    assert "1 limit was broken, and nothing was trained:" in page.text
    assert "Training was stopped: training set single/sft: the Vendi score" in page.text
    assert state["audit"]["sets"][0]["gates"][-1]["met"] is False


def test_the_page_of_a_trained_run_shows_its_sets(trained: tuple[Path, str]) -> None:
    run, _ = trained
    results = json.loads((run / "results.json").read_text())
    (found,) = results["training_data"]
    assert (found["arm"], found["name"], found["rows"]) == ("single", "sft", 24)
    gates = {gate["key"]: gate for gate in found["gates"]}
    assert gates["min_vendi"]["met"] is True
    page = Page((run / "report.html").read_text())
    assert "Every limit of the gate is met." in page.text
    assert page.cells["set.single.sft.vendi"].split()[0] == f"{found['diversity']['vendi']['value']['value']:.1f}"
    assert found["evaluation"] == {"validation": 8, "test": 8}
    assert found["reference_name"] == "the base's first responses to the same cases"
    assert set(found["coverage"]["principles"]) >= {"privacy", "harm", "law", "honesty", "balance"}


def test_with_another_gate_the_same_run_goes_on(trained: tuple[Path, str]) -> None:
    run, before = trained
    assert digest(run) == before
    assert (run / "checkpoints" / "single-sft" / "model.safetensors").is_file()
    gate = RunFolder(run).spec().gate
    assert gate is not None
    assert gate.min_vendi == 2


def test_a_person_who_looked_at_a_drawn_case_counts_as_label_noise(trained: tuple[Path, str]) -> None:
    """All sampled and answered cases are rows of the set; the auditor's errors, set in the config, are taken out."""
    (found,) = json.loads((trained[0] / "results.json").read_text())["training_data"]
    sampled = next(noise for noise in found["noise"] if noise["source"] == "sample")
    assert sampled["both"]["observed"]["n"] == 6
    assert sampled["violating"]["observed"]["n"] == 0
    observed = sampled["both"]["observed"]["count"] / 6
    corrected = sampled["both"]["corrected"]["value"]
    assert corrected == pytest.approx(min(1, max(0, (observed + 0.95 - 1) / 0.9)))


def test_an_auditors_errors_are_taken_out_by_kind_of_label(trained: tuple[Path, str]) -> None:
    """An auditor flags .9 of what violates and passes .8 of what is fine. 30 of 100 labels "violates" were passed: with
    f the share that is fine, .8 f + .1 (1 - f) = .3. 30 of 100 labels "fine" were flagged: .9 v + .2 (1 - v) = .3."""
    folder = RunFolder(trained[0])
    auditor = SimulatedAuditorSpec(budget=6, sensitivity=0.9, specificity=0.8)
    spec = folder.spec().model_copy(update={"auditor": auditor})
    correct = outside_of(spec, folder, GateSpec(), "single", []).correct
    assert correct is not None
    for violates, truly in ((True, 0.2 / 0.7), (False, 0.1 / 0.7)):
        found = correct(30, 100, violates)
        assert found is not None
        assert found.value == pytest.approx(truly)
        assert found.low < truly < found.high
    nobody_knows = spec.model_copy(update={"auditor": HumanSpec()})
    assert outside_of(nobody_knows, folder, GateSpec(), "single", []).correct is None
    useless = spec.model_copy(update={"auditor": auditor.model_copy(update={"sensitivity": 0.2})})
    assert outside_of(useless, folder, GateSpec(), "single", []).correct is None


def test_the_command_finds_in_the_run_what_the_run_found(trained: tuple[Path, str]) -> None:
    run, _ = trained
    kept = json.loads((run / "datasets" / "single" / "audit.json").read_text())
    assert json.loads(invoke("dataset", "audit", run, "--json").stdout) == kept
    broken = invoke("dataset", "audit", run, sets=["max_length_drift=0"], expect=1)
    assert "BROKEN: the standardised drift of length" in broken.stdout


def test_a_stricter_gate_leaves_what_was_trained_as_it_was(trained: tuple[Path, str]) -> None:
    run, _ = trained
    files = ["results.json", "report.html", "checkpoints/single-sft/model.safetensors"]
    before = [(run / name).stat().st_mtime_ns for name in files]
    said = invoke("run", CONFIGS / "demo.yaml", "--out", run, sets=[*SMALL, BROKEN], expect=1)
    assert "min_vendi allows at least 200" in said.stderr
    assert [(run / name).stat().st_mtime_ns for name in files] == before
    invoke("run", CONFIGS / "demo.yaml", "--out", run, sets=[*SMALL, "gate=null"])
    assert not (run / "datasets" / "single" / "audit.json").exists()
    assert json.loads((run / "results.json").read_text())["training_data"] == []


def test_a_run_without_sets_is_told(tmp_path: Path) -> None:
    open_folder(tmp_path / "run", load_experiment(CONFIGS / "simulated.yaml"))
    assert "has no training sets yet" in invoke("dataset", "audit", tmp_path / "run", expect=2).stderr
