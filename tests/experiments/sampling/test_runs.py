"""Runs that audit a sample of what they release, and the commands that go with it."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from constitutions.errors import InputError
from experiments.audit.run_queue import existing_queue
from experiments.cli import app
from experiments.config import load_experiment
from experiments.results.run import read_results
from experiments.run import Finished, resume_run, run_experiment
from experiments.sampling import drawing
from experiments.sampling.judging import Judging
from experiments.statistics.fallible import Gold
from hierarchy.audit.decision import Decision, verdict_named
from hierarchy.audit.gold import GoldCase
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.sample_store import Sample, SampleStore
from tests.experiments.commands import CONFIGS
from tests.experiments.page import Page, numbers

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


def test_the_page_shows_the_estimate_that_the_command_prints(audited: Finished) -> None:
    found = said("estimate", audited.folder.path, "--json")
    assert found["judging"]["source"] == "assumed"
    assert found["corrected"] is None
    (kept,) = read_results(audited.folder.path).residuals
    assert kept.headline.model_dump() == found["headline"]
    page = Page((audited.folder.path / "report.html").read_text())
    expected = [100 * found["headline"][name] for name in ("value", "low", "high")]
    assert numbers(page.cells["residuals.panel.headline"]) == pytest.approx(expected, abs=0.00501)
    assert numbers(page.cells["residuals.panel.released"]) == [found["released"]]
    assert "The auditors are assumed perfect: they answered 0 gold cases that violate" in page.text
    assert "assumed perfect" in said("estimate", audited.folder.path)
    lines = list(csv.DictReader((audited.folder.path / "data" / "residuals.csv").read_text().splitlines()))
    assert {line["estimate"] for line in lines} == {"headline", "exact"}
    assert float(lines[0]["value"]) == found["headline"]["value"]


def test_a_run_without_a_sample_says_nothing_of_it(tmp_path: Path) -> None:
    done = run(tmp_path / "run", PERFECT, "dataset.size=40")
    assert done.results.residuals == ()
    assert "residuals" not in (tmp_path / "run" / "report.html").read_text()


def gold_answers(queue: AuditQueue, auditor: str, flagged: int, passed: int, of: int) -> None:
    """Answers of an auditor to all gold cases: of `of` that violate and `of` others, so many rightly."""
    for case in queue.list_items("panel/sample"):
        if not case.payload["response"]:
            continue
        kind, number = case.payload["response"].split()
        right = int(number) < (flagged if kind == "bad" else passed)
        verdict = "reject" if (kind == "bad") == right else "accept"
        queue.decide_case(case.case_id, Decision(verdict_named(verdict), auditor), 0.0, "panel/sample")


@pytest.mark.parametrize(("of", "source"), [(19, "assumed"), (20, "gold")])
def test_auditors_are_judged_by_their_own_gold_cases_where_there_are_enough(
    tmp_path: Path, of: int, source: str
) -> None:
    path = tmp_path / "run"
    run(path, "auditor={kind: human}", "audit_sample={budget: 40, floor: 1, key: k}")
    with existing_queue(path) as queue:
        real = queue.list_items("panel/sample")
        payload = dict(real[0].payload)
        gold = [
            GoldCase(f"{kind} {n}", {**payload, "response": f"{kind} {n}"}, kind == "bad")
            for kind in ("bad", "good")
            for n in range(of)
        ]
        queue.gold.add(gold, 0.0, "panel/sample", spare=[f"spare {n}" for n in range(2 * of)])
        gold_answers(queue, "ana", of - 2, of - 1, of)
        gold_answers(queue, "stranger", 0, 0, of)
        for n, item in enumerate(real):
            verdict = verdict_named("reject" if n % 4 == 0 else "accept")
            queue.decide_case(item.case_id, Decision(verdict, "ana"), 0.0, "panel/sample")
    found = said("estimate", path, "--json")
    assert found["judging"]["source"] == source
    assert (found["judging"]["violating"], found["judging"]["fine"]) == (of, of), "not those of who audited nothing"
    resume_run(path)
    text = Page((path / "report.html").read_text()).text
    if source == "assumed":
        assert found["corrected"] is None
        assert f"they answered {of} gold cases that violate and {of} that do not, and from 20 of each on" in text
        return
    assert found["judging"]["sensitivity"] == {"right": of - 2, "cases": of}
    assert found["judging"]["specificity"] == {"right": of - 1, "cases": of}
    q, right, passed = found["headline"]["value"], (of - 2) / of, (of - 1) / of
    assert found["corrected"]["value"] == pytest.approx((q + passed - 1) / (right + passed - 1))
    width = found["corrected"]["high"] - found["corrected"]["low"]
    assert width > found["headline"]["high"] - found["headline"]["low"], "what is not known of the auditors widens it"
    asked = ("--sensitivity", f"{of - 2}/{of}", "--specificity", f"{of - 1}/{of}")
    assert said("estimate", path, "--json", *asked)["corrected"] == found["corrected"]
    assert f"The auditors flagged {of - 2} of {of} gold cases that violate and passed {of - 1} of {of} others." in text
    assert numbers(Page((path / "report.html").read_text()).cells["residuals.panel.corrected"])[0] == pytest.approx(
        100 * found["corrected"]["value"], abs=0.00501
    )


def test_auditors_whose_gold_answers_say_nothing_correct_nothing(tmp_path: Path) -> None:
    judging = Judging("gold", Gold(5, 20), Gold(15, 20), 20, 20)
    assert not judging.tells
    assert "such answers say nothing" in judging.words()
    assert Judging("gold", Gold(6, 20), Gold(15, 20), 20, 20).tells


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
