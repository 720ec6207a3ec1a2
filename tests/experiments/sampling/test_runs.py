"""Runs that audit a sample of what they release, and the commands that go with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from constitutions.errors import InputError
from experiments.cli import app
from experiments.config import load_experiment
from experiments.run import Finished, resume_run, run_experiment
from experiments.sampling import drawing
from hierarchy.audit.decision import Decision, verdict_named
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.sample_store import Sample, SampleStore
from tests.experiments.commands import CONFIGS

SMALL = ("dataset.size=500", "arms={panel: {graph: panel}}", "compare=[]")
PERFECT = "auditor={kind: simulated, budget: 30, sensitivity: 1, specificity: 1}"


def run(out: Path, *sets: str) -> Finished:
    return run_experiment(load_experiment(CONFIGS / "simulated.yaml", [*SMALL, *sets]), out)


def sample_of(done: Finished) -> Sample:
    with SampleStore.open(done.folder.audit, "simulated") as store:
        return store.sample("panel")


def said(*words: str | Path, expect: int = 0) -> Any:
    result = CliRunner().invoke(app, ["audit", *map(str, words)])
    assert result.exit_code == expect, result.output
    if expect:
        assert len(result.stderr.splitlines()) == 1
        return result.stderr
    return json.loads(result.stdout) if "--json" in words else result.stdout


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    design = "audit_sample={design: disagreement, budget: 80, floor: 0.5, aim: proportional}"
    return run(tmp_path_factory.mktemp("audited") / "run", PERFECT, design)


def test_a_run_audits_what_it_was_asked_to(audited: Finished) -> None:
    sample = sample_of(audited)
    cases = pq.read_table(audited.folder.records / "cases.parquet").to_pylist()
    reached = [row for row in cases if row["outcome"] in ("released", "revised")]
    assert sorted(sample.case_id_N) == sorted(row["case_id"] for row in reached if not row["escalated"])
    assert any(row["escalated"] for row in reached)
    assert 60 < sample.drawn_N.sum() <= 80
    assert sample.floor_N.sum() == 40
    assert (sample.answered_N == sample.drawn_N).all()
    assert sample.minutes == pytest.approx(3 * sample.drawn_N.sum())
    assert len(np.unique(sample.inclusion_N)) > 1
    assert audited.waiting == 0


def test_a_sample_changes_no_record_and_costs_the_audit_nothing(audited: Finished, tmp_path: Path) -> None:
    without = run(tmp_path / "run", PERFECT)
    assert without.digest == audited.digest
    assert without.results.arms[0].audited.count == audited.results.arms[0].audited.count == 30


def test_going_on_with_a_run_draws_the_same_cases(audited: Finished, tmp_path: Path) -> None:
    shutil.copytree(audited.folder.path, tmp_path / "copy")
    before = sample_of(audited)
    again = sample_of(resume_run(tmp_path / "copy"))
    np.testing.assert_array_equal(before.drawn_N, again.drawn_N)
    np.testing.assert_array_equal(before.violates_N, again.violates_N)


class Cut(Exception):
    """The program ends here."""


CUTTABLE = ("dataset.size=120", "auditor={kind: simulated, budget: 0}", "audit_sample={budget: 15, key: secret}")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return sample_of(run(tmp_path_factory.mktemp("whole") / "run", *CUTTABLE))


@pytest.mark.parametrize(
    ("owner", "name", "after"),
    [
        (SampleStore, "plan", True),
        (SampleStore, "draw", True),
        (drawing, "work", False),
        (drawing, "work", True),
        (SampleStore, "answer", True),
        (AuditQueue, "mark_applied", False),
    ],
)
def test_a_run_cut_off_anywhere_draws_and_audits_as_if_it_were_not(
    tmp_path: Path, whole: Sample, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, after: bool
) -> None:
    real = getattr(owner, name)

    def cut(*args: Any, **kwargs: Any) -> None:
        if after:
            real(*args, **kwargs)
        raise Cut

    monkeypatch.setattr(owner, name, cut)
    with pytest.raises(Cut):
        run(tmp_path / "cut", *CUTTABLE)
    monkeypatch.undo()
    again = sample_of(resume_run(tmp_path / "cut"))
    for column in ("case_id_N", "inclusion_N", "drawn_N", "floor_N", "answered_N", "violates_N"):
        np.testing.assert_array_equal(getattr(whole, column), getattr(again, column))
    assert again.answered_N.sum() == 15
    assert again.minutes == whole.minutes


def test_auditing_everything_finds_what_the_oracle_knows(tmp_path: Path) -> None:
    done = run(tmp_path / "run", PERFECT, "audit_sample={budget: 100000}")
    found = said("estimate", done.folder.path, "--json")
    missed = done.results.arms[0].missed.total.count  # whatever people release is right
    assert found["found"] == missed > 10
    assert found["drawn"] == found["answered"] == found["released"]
    rate = missed / found["released"]
    assert found["headline"] == {"value": rate, "low": rate, "high": rate}
    assert found["others"]["aipw"]["estimate"]["value"] == pytest.approx(rate)


def test_an_estimate_in_every_way(audited: Finished) -> None:
    found = said("estimate", audited.folder.path, "--sensitivity", "46/50", "--specificity", "95/100", "--json")
    low, high = found["headline"]["low"], found["headline"]["high"]
    assert 0 <= low < found["headline"]["value"] < high <= 1
    assert found["corrected"]["low"] < found["headline"]["low"]
    assert set(found["others"]) == {"horvitz_thompson", "hajek", "aipw", "ppi"}
    shown = said("estimate", audited.folder.path, "--simulate", "20")
    assert "of 20" in shown
    assert "headline" in shown


def test_a_sample_is_drawn_once_by_command_too(audited: Finished) -> None:
    path = audited.folder.path
    before = said("sample", path, "--json")
    assert before["cases"] == sample_of(audited).case_id_N[sample_of(audited).drawn_N].tolist()
    assert said("sample", path, "--json") == before
    assert "drawn once" in said("sample", path, "--budget", "90", expect=2)


@pytest.fixture(scope="module")
def by_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("people") / "run"
    run(out, "auditor={kind: human}")
    return out


def test_people_answer_a_sample_that_was_drawn_afterwards(by_people: Path) -> None:
    assert "no arm was sampled" in said("estimate", by_people, expect=2)
    assert "--budget is needed" in said("sample", by_people, expect=2)
    drawn = said("sample", by_people, "--budget", "6", "--floor", "1", "--key", "secret", "--json")
    assert drawn["answered"] == 0
    first, second, *rest = drawn["cases"]
    nothing = said("estimate", by_people, "--json")
    assert (nothing["headline"]["value"], nothing["headline"]["low"], nothing["headline"]["high"]) == (None, 0.0, 1.0)
    said("decide", by_people, first, "reject", "--arm", "panel/sample", "--auditor", "ana")
    said("decide", by_people, second, "accept", "--arm", "panel/sample", "--auditor", "ana")
    some = said("estimate", by_people, "--json")
    assert (some["answered"], some["found"]) == (2, 1)
    assert some["headline"]["value"] is None
    assert 0 < some["headline"]["low"] < some["headline"]["high"] < 1
    with AuditQueue.open(by_people / "audit.sqlite", "simulated", create=False) as queue:
        for case in rest[:-1]:
            queue.decide_case(case, Decision(verdict_named("accept"), "ben"), 0.0, "panel/sample")
    said("close", by_people, "--arm", "panel/sample")
    closed = said("estimate", by_people, "--json")
    assert closed["answered"] == 5  # a policy is no answer
    assert closed["headline"]["value"] is None
    resume_run(by_people)
    assert said("estimate", by_people, "--json") == closed


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--sensitivity 46/50", "give both or neither"),
        ("--sensitivity 51/50 --specificity 1/2", "--sensitivity is 51/50"),
        ("--sensitivity x --specificity 1/2", "RIGHT/CASES"),
        ("--sensitivity 2/5 --specificity 1/2", "accepted: more than 1"),
        ("--simulate 0", "--simulate is 0; accepted: [1, 1000000]"),
        ("--arm nobody", "--arm is 'nobody'; accepted: panel"),
    ],
)
def test_a_mistaken_estimate_is_one_line(audited: Finished, words: str, says: str) -> None:
    assert says in said("estimate", audited.folder.path, *words.split(), expect=2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--budget 0", "--budget: budget: 0 is not accepted"),
        ("--budget 5 --floor 1.5", "--floor: floor: 1.5 is not accepted"),
        ("--budget 5 --design age", "expected 'priority', 'uncertainty' or 'disagreement'"),
        ("--budget 5 --aim low", "--aim: aim: 'low' is not accepted"),
    ],
)
def test_a_mistaken_design_is_one_line(audited: Finished, words: str, says: str) -> None:
    assert says in said("sample", audited.folder.path, *words.split(), expect=2)


def test_recorded_auditors_cannot_say_whether_a_case_violates(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"audit_sample: .*recorded ones give labels"):
        run(tmp_path / "run", "auditor={kind: recorded, path: x.csv, label: y}", "audit_sample={budget: 5}")


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    assert "no config.yaml here" in said("estimate", tmp_path, expect=2)
    assert "no config.yaml here" in said("sample", tmp_path, "--budget", "5", expect=2)
