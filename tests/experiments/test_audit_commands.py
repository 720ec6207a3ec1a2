"""`oversight audit` on a run whose hard cases wait for people, in SQLite and in PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from constitutions.errors import InputError
from experiments.audit.accuracy import auditor_accuracy
from experiments.audit.cli import audit
from experiments.audit.run_queue import existing_queue
from experiments.config import load_experiment
from experiments.run import resume_run, run_experiment
from hierarchy.audit.decision import Decision, verdict_named
from hierarchy.audit.records import Kind, State
from tests import postgres
from tests.experiments.commands import CONFIGS
from tests.hierarchy.graphs import without_syncing

SMALL = (
    "auditor={kind: human}",
    "dataset.size=60",
    "arms={single: {graph: single}}",
    "compare=[]",
    "gaps=[]",
    "prices=null",
    "latency={}",
)


def start(folder: Path, *sets: str) -> Path:
    run_experiment(load_experiment(CONFIGS / "simulated.yaml", [*SMALL, *sets]), folder / "run")
    return folder / "run"


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_syncing(monkeypatch)
    return start(tmp_path)


def said(*words: str | Path, expect: int = 0) -> str:
    result = CliRunner().invoke(audit, [str(word) for word in words])
    assert result.exit_code == expect, result.output
    return result.output


def records(run: Path, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said("export", run, *words).splitlines()]


def write_lines(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def test_an_export_comes_back_as_decisions(waiting: Path, tmp_path: Path) -> None:
    cases = records(waiting)
    assert len(cases) > 3
    assert all(case["state"] == "open" and case["decisions"] == [] and "hidden" not in case for case in cases)
    keys = ("case_id", "arm", "step", "epoch")
    answers = [{name: case[name] for name in keys} | {"verdict": "reject", "auditor": "ann"} for case in cases[:3]]
    path = write_lines(tmp_path / "answers.jsonl", answers)
    assert "3 decisions imported, 0 were there" in said("import", waiting, path)
    assert "0 decisions imported, 3 were there" in said("import", waiting, path)
    decided = [case for case in records(waiting) if case["decisions"]]
    assert {case["case_id"] for case in decided} == {answer["case_id"] for answer in answers}
    finished = resume_run(waiting)
    assert finished.waiting == len(cases) - 3
    assert "exported heads are in place" in said("verify", waiting)


def test_a_bad_file_is_told_line_by_line_and_changes_nothing(waiting: Path, tmp_path: Path) -> None:
    case = records(waiting)[0]["case_id"]
    right = {"case_id": case, "verdict": "accept", "auditor": "ann"}
    for bad, told in (
        ("{", "2: no JSON"),
        ([1], "2: list; expected an object"),
        ({**right, "verdit": 1}, "2: unknown key 'verdit'; accepted: case_id, arm"),
        ({**right, "verdict": "maybe"}, "2: verdict 'maybe'; accepted: accept, revise, reject"),
        ({**right, "case_id": 7}, "2: case_id: 7; expected text"),
        ({**right, "minutes": "3"}, "2: minutes: '3'"),
        ({**right, "case_id": "nobody"}, "2: case 'nobody' is not in the audit queue"),
        ({**right, "verdict": "reject"}, "2: case"),
        ({**right, "auditor": "policy"}, "2: auditor 'policy'"),
        (
            {**right, "principles": ["kindness"], "auditor": "bob", "case_id": records(waiting)[1]["case_id"]},
            "'kindness'",
        ),
    ):
        path = write_lines(tmp_path / "bad.jsonl", [right, bad])
        output = said("import", waiting, path, expect=2)
        assert "nothing was imported" in output
        assert told in output.replace("\n", " ").replace("  ", " ")
        assert "Traceback" not in output
    with existing_queue(waiting) as queue:
        assert all(count.decided == 0 for count in queue.counts().values())
        assert all(event.kind == "enqueue" for event in queue.trail.events())


def test_what_models_found_leaves_only_when_it_is_asked_for(waiting: Path) -> None:
    for shape in ("jsonl", "argilla", "label-studio"):
        public = said("export", waiting, "--format", shape)
        assert "reviews" not in public
        assert "critic.0" not in public
        assert "reviews" in said("export", waiting, "--format", shape, "--hidden")


def test_other_programs_find_the_shapes_they_know(waiting: Path, tmp_path: Path) -> None:
    case = records(waiting)[0]["case_id"]
    said("decide", waiting, case, "reject", "--auditor", "ann", "--comment", "no", "--minutes", "2")
    argilla = {record["metadata"]["case_id"]: record for record in records(waiting, "--format", "argilla")}
    assert set(argilla[case]) == {"id", "fields", "metadata", "suggestions", "responses", "vectors"}
    (verdict,) = argilla[case]["responses"]["verdict"]
    assert verdict["value"] == "reject"
    said("export", waiting, "--format", "label-studio", "--out", tmp_path / "tasks.json")
    tasks = {task["data"]["case_id"]: task for task in json.loads((tmp_path / "tasks.json").read_text())}
    (annotation,) = tasks[case]["annotations"]
    assert annotation["result"][0] == {
        "from_name": "verdict",
        "to_name": "response",
        "type": "choices",
        "value": {"choices": ["reject"]},
    }
    assert annotation["lead_time"] == 120.0


def test_verify_finds_what_was_changed_behind_the_queue(waiting: Path) -> None:
    case = records(waiting)[0]["case_id"]
    said("decide", waiting, case, "accept", "--auditor", "ann")
    assert "head " in said("verify", waiting)
    with sqlite3.connect(waiting / "audit.sqlite") as connection:
        connection.execute("UPDATE decision SET verdict = 3")
    connection.close()
    assert "was changed since it was given" in said("verify", waiting, expect=2)


def test_a_trail_cut_short_and_patched_up_is_found_by_the_heads_of_the_run(waiting: Path) -> None:
    said("decide", waiting, records(waiting)[0]["case_id"], "accept", "--auditor", "ann")
    with sqlite3.connect(waiting / "audit.sqlite") as connection:
        connection.execute("DROP TRIGGER event_no_DELETE")
        last = connection.execute("SELECT max(seq) FROM event").fetchone()[0]
        connection.execute("DELETE FROM event WHERE seq = ?", (last,))
        connection.execute(
            "UPDATE audit_run SET seq = ?, hash = (SELECT hash FROM event WHERE seq = ?)", (last - 1,) * 2
        )
        connection.execute("DELETE FROM outbox")
        connection.execute("DELETE FROM decision")
        connection.execute("UPDATE item SET state = 'open', answers = 0")
    connection.close()
    assert f"event {last}: exported once, not there any more" in said("verify", waiting, expect=2)


def test_undo_reopen_and_the_word_of_the_run(waiting: Path) -> None:
    case = records(waiting)[0]["case_id"]
    said("decide", waiting, case, "accept", "--auditor", "ann")
    assert "undone" in said("undo", waiting, case, "--auditor", "ann")
    said("decide", waiting, case, "reject", "--auditor", "ann")
    resume_run(waiting)
    assert "the run has taken the decision" in said("undo", waiting, case, "--auditor", "ann", expect=2).replace(
        "\n", " "
    )
    assert "waits again, epoch 1" in said("reopen", waiting, case, "--reason", "a complaint", "--by", "eve")
    said("decide", waiting, case, "accept", "--auditor", "bob")
    resume_run(waiting)
    with existing_queue(waiting) as queue:
        assert queue.outbox() == []
    assert "exported heads are in place" in said("verify", waiting)


def test_gold_cases_tell_how_well_auditors_judge(waiting: Path, tmp_path: Path) -> None:
    before = records(waiting)
    payload = {**before[0]["payload"], "response": "gold"}
    lines = [{"name": f"g{n}", "payload": payload, "violates": n % 2 == 0, "hidden": {"reviews": []}} for n in range(8)]
    gold = write_lines(tmp_path / "gold.jsonl", lines)
    assert "8 gold cases added" in said("gold", waiting, gold, "--share", "0.9")
    with existing_queue(waiting) as queue:
        known = [item for item in queue.list_items() if item.payload["response"] == "gold"]
        ids = {item.case_id for item in known}
        assert len(ids) == 8
        assert ids <= {str(n) for n in range(60)}, "ids that cases of the run have, and no other"
        assert not ids & {record["case_id"] for record in before}
        for auditor in ("ann", "bob"):
            for done, item in enumerate(known):
                verdict = "reject" if auditor == "ann" or done % 2 else "accept"
                queue.decide(item.key, Decision(verdict_named(verdict), auditor), 1.0)
        ann, bob = auditor_accuracy(queue)
        assert (ann.sensitivity.value, ann.specificity.value) == (1.0, 0.0)
        assert (ann.right.right, ann.right.n) == (4, 8)
        assert ann.sensitivity.interval[1] == 1.0
        assert bob.right.n == 8
        assert (ann.decisions, bob.decisions) == (0, 0)
        assert None not in ann.estimated
    assert "sensitivity" in said("auditors", waiting)
    assert "gold" not in said("export", waiting).replace('"response": "gold"', "")
    wrong = write_lines(tmp_path / "wrong.jsonl", [{"name": "g", "payload": {}, "violates": 1}])
    assert "1: no gold case" in said("gold", waiting, wrong, expect=2).replace("\n", " ")


PROPOSAL = """
id: shorter privacy rule
kind: constitution
title: Say privacy in one sentence
why: critics miss half of what the long rule means
old: old.yaml
new: new.yaml
command: oversight compare
measured:
  - {metric: missed violations, before: 0.10, after: 0.06, low: -0.06, high: -0.02, cases: 2000}
"""


def test_a_change_of_the_constitution_is_put_before_people(waiting: Path, tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text("rule: long\n")
    (tmp_path / "new.yaml").write_text("rule: short\n")
    (tmp_path / "p.yaml").write_text(PROPOSAL)
    assert "waits for a decision" in said("propose", waiting, tmp_path / "p.yaml", "--by", "eve")
    assert "in the queue already" in said("propose", waiting, tmp_path / "p.yaml")
    listed = said("list", waiting, "--kind", "proposal")
    assert "+rule: short" in listed
    assert "difference -0.04" in listed
    name = ("shorter privacy rule", "accept", "--kind", "proposal", "--auditor", "ann")
    assert "with a reason" in said("decide", waiting, *name, expect=2)
    said("decide", waiting, *name, "--comment", "fewer misses")
    assert "no proposal waits" in said("list", waiting, "--kind", "proposal")
    before = json.loads((waiting / "results.json").read_text())["digest"]
    assert resume_run(waiting).digest == before
    (tmp_path / "p.yaml").write_text(PROPOSAL.replace("low: -0.06", "low: 0.0"))
    assert "must lie between" in said("propose", waiting, tmp_path / "p.yaml", expect=2)


def test_critiques_are_sampled_once_and_judged_by_label(waiting: Path) -> None:
    assert "critiques wait for audit" in said("critiques", waiting, "--share", "0.5")
    assert said("critiques", waiting, "--share", "0.5").startswith("0 critiques")
    with existing_queue(waiting) as queue:
        items = queue.list_items(kind=Kind.CRITIQUE, hidden=True)
        assert 20 < len(items) < 60
        first, second = items[:2]
        assert first.hidden is not None
        assert "verdict" in first.hidden["reviews"][0]
        assert queue.list_items(kind=Kind.CASE) != []
    where = ("--kind", "critique", "--auditor", "ann")
    said("decide", waiting, first.case_id, "accept", "--step", first.step, "--label", "right", *where)
    said("decide", waiting, second.case_id, "reject", "--step", second.step, "--label", "wrong reason", *where)
    assert "accepted: right, wrong reason, wrong" in said(
        "decide", waiting, items[2].case_id, "reject", "--step", items[2].step, "--label", "no", *where, expect=2
    ).replace("\n", " ")
    table = said("critiques", waiting)
    assert "of 1" in table or "of 2" in table
    assert resume_run(waiting).waiting > 0


def test_a_run_keeps_its_queue_in_postgresql_and_several_runs_share_it(
    tmp_path: Path, postgresql: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_syncing(monkeypatch)
    url = postgresql.emptied()
    runs = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        runs.append(start(tmp_path / name, f"execution.database={url}"))
    assert not (runs[0] / "audit.sqlite").exists()
    cases = [records(run) for run in runs]
    assert [case["case_id"] for case in cases[0]] == [case["case_id"] for case in cases[1]]
    said("decide", runs[0], cases[0][0]["case_id"], "reject", "--auditor", "ann")
    waiting = [resume_run(run).waiting for run in runs]
    assert waiting[0] == waiting[1] - 1
    for run in runs:
        assert "heads are in place" in said("verify", run)
    with existing_queue(runs[1]) as queue:
        assert {item.state for item in queue.list_items()} == {State.OPEN}


def test_a_password_does_not_get_into_a_run(tmp_path: Path) -> None:

    for url, told in (
        ("postgresql+psycopg://ann:secret@host/db", "password"),
        ("mysql://host/db", "expected postgresql"),
    ):
        with pytest.raises(InputError, match=told):
            load_experiment(CONFIGS / "simulated.yaml", [f"execution.database={url}"])
