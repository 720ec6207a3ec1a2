"""Decisions come back from Argilla and Label Studio as they went out; what is malformed is told by line and changes
nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.vocabulary import Verdict
from experiments.audit.exchange import Shape, exported, user_id
from experiments.audit.imports import import_decisions
from experiments.audit.run_queue import existing_queue
from hierarchy.audit.decision import Decision
from hierarchy.audit.errors import Unreadable
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.reading import open_decisions
from hierarchy.audit.records import Item, Kind
from tests.experiments.test_audit_commands import said, start
from tests.hierarchy.audit_cases import NOW, item
from tests.hierarchy.graphs import without_syncing
from tests.hostile import storable

SHAPES: tuple[Shape, ...] = ("argilla", "label-studio")
LABELLED = ["full", "partial"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    without_syncing(monkeypatch)


def items() -> list[Item]:
    one = item()
    payload = {**one.payload, "labels": LABELLED}
    return [Item(**{**vars(one), "case_id": f"c{n}", "payload": payload, "reviewers": 1 + n % 2}) for n in range(6)]


def opened(path: Path) -> AuditQueue:
    queue = AuditQueue.open(path, "run")
    queue.enqueue(items())
    return queue


def answered(path: Path) -> AuditQueue:
    queue = opened(path)
    for case, decision in (
        ("c0", Decision(Verdict.ACCEPT, "ann", minutes=2.0)),
        ("c1", Decision(Verdict.REVISE, "ann", "better [b]\u202e", label="full", principles=("privacy", "honesty"))),
        ("c1", Decision(Verdict.REJECT, "bob", comment='=cmd|"x"\nline')),
        ("c2", Decision(Verdict.REJECT, "eve\u200b", label="partial", principles=("privacy",), minutes=0.5)),
    ):
        queue.decide_case(case, decision, NOW)
    return queue


def written(path: Path, records: list[dict[str, Any]], array: bool) -> Path:
    text = json.dumps(records, indent=1) if array else "".join(json.dumps(record) + "\n" for record in records)
    path.write_text(text)
    return path


def told(queue: AuditQueue, minutes: bool) -> list[tuple[Any, ...]]:
    given = open_decisions(queue.engine, "run", Kind.CASE)
    return sorted(
        (one.key.case_id, {**one.decision.to_dict(), **({} if minutes else {"minutes": 0})}.items().__repr__())
        for one in given
    )


@pytest.mark.parametrize("array", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_goes_out_comes_back(tmp_path: Path, shape: Shape, array: bool) -> None:
    with answered(tmp_path / "a.sqlite") as before, opened(tmp_path / "b.sqlite") as after:
        path = written(tmp_path / "out.json", list(exported(before, shape, None, False)), array)
        assert import_decisions(after, path, NOW, shape) == (4, 0)
        assert told(after, shape != "argilla") == told(before, shape != "argilla")
        assert import_decisions(after, path, NOW, shape) == (0, 4)
        assert import_decisions(before, path, NOW, shape) == (0, 4)
        before.close(NOW)
        again = written(tmp_path / "closed.json", list(exported(before, shape, None, False)), array)
        assert import_decisions(after, again, NOW, shape) == (0, 4), "what the policy answered is nobody's"


def test_people_that_the_other_program_knows_by_number_or_address_get_their_names(tmp_path: Path) -> None:
    with opened(tmp_path / "a.sqlite") as queue:
        (record,) = [r for r in exported(queue, "argilla", None, False) if r["metadata"]["case_id"] == "c0"]
        user = "11111111-2222-3333-4444-555555555555"
        record["responses"] = {
            "verdict": [
                {"value": "accept", "user_id": user, "status": "submitted"},
                {"value": "reject", "user_id": user_id("bob"), "status": "draft"},
            ]
        }
        path = written(tmp_path / "a.json", [record], True)
        assert import_decisions(queue, path, NOW, "argilla", {user: "ann"}) == (1, 0)
        (task,) = [t for t in exported(queue, "label-studio", None, False) if t["data"]["case_id"] == "c2"]
        result = [{"from_name": "verdict", "type": "choices", "value": {"choices": ["reject"]}, "id": "x"}]
        by = [{"id": 7, "email": "bob@example.org"}, 7]
        task["annotations"] = [
            {"result": result, "completed_by": by[0], "lead_time": 30.0},
            {"result": [], "completed_by": 8, "was_cancelled": True},
        ]
        path = written(tmp_path / "l.json", [task], True)
        assert import_decisions(queue, path, NOW, "label-studio", {"bob@example.org": "bob"}) == (1, 0)
        found = {one.key.case_id: one.decision for one in open_decisions(queue.engine, "run")}
        assert (found["c0"].auditor, found["c2"].auditor, found["c2"].minutes) == ("ann", "bob", 0.5)


VERDICT = {"from_name": "verdict", "type": "choices", "value": {"choices": ["accept"]}}
TASK = {"data": {"case_id": "c0"}, "annotations": [{"result": [VERDICT], "meta": {"auditor": "ann"}}]}
RECORD = {"metadata": {"case_id": "c0"}, "responses": {"verdict": [{"value": "accept", "user_id": "u"}]}}


def task(**given: Any) -> dict[str, Any]:
    return {**TASK, "annotations": [{**TASK["annotations"][0], **given}]}  # type: ignore[dict-item]


def record(**given: Any) -> dict[str, Any]:
    return {**RECORD, **given}


@pytest.mark.parametrize(
    ("shape", "bad", "says"),
    [
        ("label-studio", [1], "list; expected an object"),
        ("label-studio", {}, "data: None; expected an object with case_id"),
        ("label-studio", {**TASK, "data": {"case_id": 3}}, "data.case_id: 3; expected text"),
        ("label-studio", {**TASK, "data": {"case_id": "nobody"}}, "case 'nobody' is not in the audit queue"),
        ("label-studio", {**TASK, "annotations": 5}, "annotations: 5; expected a list"),
        ("label-studio", {**TASK, "annotations": [5]}, "annotations[0]: 5; expected an object with result"),
        ("label-studio", task(result=None), "annotations[0].result: None; expected a list"),
        ("label-studio", task(result=[{"from_name": "mood"}]), "annotations[0].result[0].from_name: 'mood'; accepted"),
        ("label-studio", task(result=[{"from_name": ["x"]}]), "result[0].from_name: ['x']; accepted: verdict"),
        ("label-studio", task(result=[{**VERDICT, "value": 1}]), "annotations[0].result[0].value: None; expected"),
        ("label-studio", task(result=[{**VERDICT, "value": {"choices": ["a", "b"]}}]), "verdict has 2 values"),
        ("label-studio", task(result=[{**VERDICT, "value": {"choices": ["maybe"]}}]), "verdict 'maybe'; accepted"),
        ("label-studio", task(meta={}), "annotations[0]: nobody's; expected meta.auditor or completed_by"),
        ("label-studio", task(lead_time="long"), "annotations[0].lead_time: 'long'; expected seconds"),
        ("label-studio", task(lead_time=float("nan")), "minutes nan: expected a finite number"),
        ("label-studio", task(result=[]), "verdict: None; expected text"),
        ("argilla", "text", "str; expected an object"),
        ("argilla", record(metadata=None), "metadata: None; expected an object with case_id"),
        ("argilla", record(metadata={"case_id": "c0", "auditors": 3}), "metadata.auditors: 3; expected a list"),
        ("argilla", record(responses=[1]), "responses: [1]; expected an object of questions"),
        ("argilla", record(responses={"mood": []}), "responses.mood: unknown; accepted: verdict, revision"),
        ("argilla", record(responses={"verdict": {}}), "responses.verdict: {}; expected a list"),
        ("argilla", record(responses={"verdict": [{"value": "accept"}]}), "responses.verdict[0]: {'value': 'accept'}"),
        ("argilla", record(responses={"comment": [{"value": "x", "user_id": "u"}]}), "verdict: None; expected text"),
        ("argilla", record(responses={"verdict": [{"value": 3, "user_id": "u"}]}), "verdict: 3; expected text"),
    ],
)
def test_what_is_malformed_is_told_by_line_and_changes_nothing(
    tmp_path: Path, shape: Shape, bad: Any, says: str
) -> None:
    good = TASK if shape == "label-studio" else RECORD
    for array, line in ((True, 3), (False, 2)):
        text = f"[\n{json.dumps(good)},\n{json.dumps(bad)}\n]" if array else f"{json.dumps(good)}\n{json.dumps(bad)}\n"
        (tmp_path / "bad.json").write_text(text)
        with opened(tmp_path / f"{array}.sqlite") as queue:
            head = queue.trail.head()
            with pytest.raises(Unreadable) as told:
                import_decisions(queue, tmp_path / "bad.json", NOW, shape)
            assert queue.trail.head() == head
            assert open_decisions(queue.engine, "run") == []
        assert f"bad.json:{line}: " in str(told.value)
        assert says in str(told.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[\n{}x\n]", 2),
        ('[\n{"a": 1}\n{"a": 2}\n]', 3),
        ('[\n{"a": \n1,}\n]', 3),
        ("[" * 100_000, 1),
        ("[\n1,\n]", 3),
        ("[\n", 2),
        ('[{"a": 1},\n', 2),
        ("[] x", 1),
        ('{"a": 1}\n{', 2),
    ],
)
def test_a_file_that_is_no_json_is_told_by_its_line(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "bad.json").write_text(text)
    with opened(tmp_path / "a.sqlite") as queue, pytest.raises(Unreadable, match=rf"bad.json:{line}: no JSON"):
        import_decisions(queue, tmp_path / "bad.json", NOW, "label-studio")


NAMES = st.sampled_from(
    [
        "data",
        "annotations",
        "result",
        "from_name",
        "value",
        "choices",
        "metadata",
        "responses",
        "verdict",
        "case_id",
        "user_id",
        "completed_by",
        "meta",
        "auditor",
        "lead_time",
        "auditors",
        "epoch",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(storable()[:40]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)
@given(records=st.lists(JSON, min_size=1, max_size=3), shape=st.sampled_from(SHAPES), array=st.booleans())
def test_anything_else_is_refused_in_words(tmp_path: Path, records: list[Any], shape: Shape, array: bool) -> None:
    path = written(tmp_path / "any.json", [*records, "no object"], array)
    with AuditQueue.open(tmp_path / "any.sqlite", "run") as queue, pytest.raises(Unreadable, match=r"any\.json:\d+: "):
        import_decisions(queue, path, NOW, shape)


def test_the_command_takes_what_it_gave_to_other_programs(tmp_path: Path) -> None:
    for shape in SHAPES:
        (tmp_path / shape).mkdir()
        run = start(tmp_path / shape)
        with existing_queue(run) as queue:
            case = queue.list_items()[0].case_id
        out = tmp_path / shape / "out.json"
        said("export", run, "--format", shape, "--out", out)
        assert "0 decisions imported, 0 were there" in said("import", run, out, "--format", shape)
        text = out.read_text()
        records = json.loads(text) if shape == "label-studio" else [json.loads(line) for line in text.splitlines()]
        for one in records:
            if one.get("data", one.get("metadata"))["case_id"] == case:
                one["annotations"] = [{"result": [VERDICT], "completed_by": 7}]
                one["responses"] = {"verdict": [{"value": "accept", "user_id": "7"}]}
        written(out, records, True)
        assert "1 decisions imported" in said("import", run, out, "--format", shape, "--name", "7=ann")
        with existing_queue(run) as queue:
            assert [one.decision.auditor for one in open_decisions(queue.engine, queue.run)] == ["ann"]
        assert "accepted: ID=NAME" in said("import", run, out, "--name", "ann", expect=2)


def test_every_fault_of_a_file_is_told_at_once_and_a_key_given_twice_is_one(tmp_path: Path) -> None:
    lines = (
        '{"case_id": "c0", "verdict": "accept", "auditor": "ann"}',
        '{"case_id": "nobody", "verdict": "accept", "auditor": "ann"}',
        '{"case_id": "c2", "verdict": "accept", "auditor": "ann", "verdict": "reject"}',
        '{"case_id": "c2", "verdict": "revise", "auditor": "ann"}',
    )
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    with opened(tmp_path / "a.sqlite") as queue:
        before = queue.trail.head()
        with pytest.raises(Unreadable) as refused:
            import_decisions(queue, path, NOW)
        assert queue.trail.head() == before
    for line, words in ((2, "'nobody' is not in"), (3, "the key 'verdict' is there twice"), (4, "needs the revised")):
        assert any(f":{line}: " in fault and words in fault for fault in str(refused.value).split("\n"))
    assert ":1: " not in str(refused.value)
