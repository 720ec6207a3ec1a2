from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from agents.records import Comparison, Message, Settlement, Written
from agents.reviews import Review
from agents.view import objects
from constitutions.errors import InputError
from training.datasets import DatasetSpec, PreferenceRow, SftRow, Source, preference_rows, sft_rows
from training.datasets.doubts import Verdicts
from training.datasets.kinds import KINDS
from training.datasets.lines import lines
from training.datasets.preferences import preferences
from training.datasets.rationales import distilled, rationales
from training.datasets.spec import PreferenceSpec, RationaleSpec, SftSpec, WeightSpec
from training.datasets.supervised import supervised
from training.datasets.unpaired import unpaired
from training.files import data_hash, read_rows, write_jsonl, write_parquet

Settle = Callable[..., Settlement]


def test_only_settled_cases_train(settle: Settle) -> None:
    cases = [
        settle("released", "a"),
        settle("revised", "b", "a", outcome="revised"),
        settle("redirected", "b", "a", outcome="redirected"),
        settle("refused", "b", outcome="refused", final="no ."),
        settle("pending", "b", outcome="pending", final=None),
        settle("unread", "b", missing=True),
        settle("unreviewed", "b", unreviewed=True),
        settle("blank", " "),
    ]
    assert [row.lineage.case_id for row in sft_rows(cases, "run")] == ["redirected", "released", "revised"]
    with_refusals = sft_rows(cases, "run", DatasetSpec(sft=SftSpec(outcomes=("released", "refused"))))
    assert [row.completion for row in with_refusals] == [(Message("assistant", "no ."),), (Message("assistant", "a"),)]


def test_rows_are_in_the_order_of_arm_and_case_whatever_order_the_cases_come_in(settle: Settle) -> None:
    cases = [settle(f"case{i}", "a", arm=arm) for i in range(3) for arm in ("x", "w")]
    rows = sft_rows(cases, "run")
    assert [(row.lineage.arm, row.lineage.case_id) for row in rows] == sorted((c.arm, c.case_id) for c in cases)
    assert data_hash(rows) == data_hash(sft_rows(cases[::-1], "run"))


def test_a_pair_prefers_what_the_user_got_over_the_first_response(settle: Settle) -> None:
    case = settle("c", "b", "c", "a", outcome="revised", agreement=0.75)
    (row,) = preference_rows([case], "run")
    assert row.chosen == (Message("assistant", "a"),)
    assert row.rejected == (Message("assistant", "b"),)
    assert (row.margin, row.weight, row.soft_label) == (0.5, 0.75, 1.0)


def test_the_soft_label_is_the_judges_normalised_probability(settle: Settle) -> None:
    """Scores .6 and .2 of a first and a final answer are 3 to 1 against it, whatever a third one scored."""
    said = Comparison("judge", ("b", "x", "a"), (0.2, 0.3, 0.6), 2)
    case = settle("c", "b", "a", outcome="revised", agreement=0.5, comparisons=(said,))
    (row,) = preference_rows([case], "run")
    assert (row.soft_label, row.margin, row.weight) == (pytest.approx(0.75), pytest.approx(0.5), 0.5)
    clamped = DatasetSpec(preferences=PreferenceSpec(clamp=(0.4, 0.6)))
    assert preference_rows([case], "run", clamped)[0].soft_label == 0.6
    hard = DatasetSpec(preferences=PreferenceSpec(label="hard"))
    assert preference_rows([case], "run", hard)[0].soft_label == 1.0
    decided = settle("c", "b", "a", outcome="revised", agreement=0.5, comparisons=(said,), decision="accept")
    assert [(row.soft_label, row.margin) for row in preference_rows([decided], "run")] == [(1.0, 0.0)]
    with pytest.raises(ValidationError, match="above the upper"):
        PreferenceSpec(clamp=(0.6, 0.4))


def test_a_judge_gives_a_pair_for_every_answer_it_liked_less(settle: Settle) -> None:
    said = Comparison("judge", ("b", "x", "a"), (0.1, 0.3, 0.6), 2)
    spec = DatasetSpec(preferences=PreferenceSpec(pairs="judged", outcomes=("released",)))
    case = settle("c", "b", "a", comparisons=(said,))
    told = [
        (row.chosen[0].content, row.rejected[0].content, row.soft_label) for row in preference_rows([case], "r", spec)
    ]
    assert told == [("a", "b", pytest.approx(6 / 7)), ("a", "x", pytest.approx(2 / 3))]
    overruled = settle("c", "a", "b", comparisons=(said,), decision="accept")
    told = [
        (row.chosen[0].content, row.rejected[0].content, row.soft_label)
        for row in preference_rows([overruled], "r", spec)
    ]
    assert told == [("b", "x", 1.0), ("b", "a", 1.0)]


def test_the_chain_teaches_every_revision_that_led_to_the_answer(settle: Settle) -> None:
    spec = DatasetSpec(sft=SftSpec(chain="revisions"))
    assert [row.completion[0].content for row in sft_rows([settle("c", "d", "e", "f")], "run", spec)] == ["e", "f"]
    assert [row.lineage.step for row in sft_rows([settle("c", "d", "e", "f")], "run", spec)] == ["step1", ""]
    kept = settle("c", final="d", responses=(Written("revise", 0, 1, "e"), Written("draft", 0, 0, "d")))
    assert [row.completion[0].content for row in sft_rows([kept], "run", spec)] == ["d"]
    aside = settle("c", "d", "f", responses=(Written("a", 0, 1, "x", own=False), Written("b", 0, 2, "f")))
    assert [row.completion[0].content for row in sft_rows([aside], "run", spec)] == ["f"]


def test_weights_are_of_agreement_and_of_the_auditors_decision(settle: Settle) -> None:
    cases = [settle("a", "a", agreement=0.5), settle("b", "a", agreement=0.5, decision="accept", audited=True)]
    spec = DatasetSpec(weights=WeightSpec(agreement=2, accept=3))
    rows = sft_rows(cases, "run", spec)
    assert [row.weight for row in rows] == [row.lineage.weight for row in rows] == [0.25, 0.75]
    assert [row.lineage.decision for row in rows] == ["", "accept"]
    with pytest.raises(InputError, match="2 weight 0"):
        sft_rows([settle("a", "a", agreement=0.0), settle("b", "b", agreement=0.0)], "run")


def test_answers_have_the_label_that_their_overseers_gave(settle: Settle) -> None:
    cases = [
        settle("a", "good"),
        settle("b", "bad", "better", outcome="revised"),
        settle("c", "worse", outcome="refused", final="no ."),
        settle("d", "first", "last", responses=(Written("s", 0, 0, "first", own=False), Written("s", 1, 0, "last"))),
        settle("e", "a", appealed=True),
    ]
    built = unpaired(Source("run", cases), DatasetSpec())
    assert [(row.lineage.case_id, row.completion[0].content, row.label) for row in built.rows] == [
        ("a", "good", True),
        ("b", "better", True),
        ("b", "bad", False),
        ("c", "worse", False),
        ("d", "last", True),
    ]
    assert built.left_out == {"under appeal": 1}


def test_gold_cases_never_train_and_stale_ones_are_marked_on_request(settle: Settle) -> None:
    gold = settle("g", "a", prompt="what is gold ?")
    source = Source("run", [gold, settle("c", "a", appealed=True)], gold={gold.messages})
    for build in (supervised, preferences, unpaired):
        assert build(source, DatasetSpec()).left_out == {"gold": 1, "under appeal": 1}
    (row,) = supervised(source, DatasetSpec(stale="mark")).rows
    assert (row.lineage.case_id, row.lineage.stale) == ("c", True)


def test_a_redirection_in_the_graphs_own_words_never_prefers_a_response_that_was_turned_down(settle: Settle) -> None:
    (row,) = preference_rows([settle("c", "b", "c", outcome="redirected", final="ask a")], "run")
    assert row.chosen == (Message("assistant", "ask a"),)


def test_released_and_unchanged_cases_give_no_pair(settle: Settle) -> None:
    cases = [settle("released", "b", "a"), settle("same", "a", "a", outcome="revised")]
    with pytest.raises(InputError, match=r"of 2 cases none can train \(1 released, 1 unchanged\)"):
        preference_rows(cases, "run")


def test_an_empty_dataset_says_why_cases_were_left_out(settle: Settle) -> None:
    with pytest.raises(InputError, match=r"1 missing verdict, 1 pending"):
        sft_rows([settle("a", "b", missing=True), settle("b", outcome="pending")], "run")


def test_nothing_but_prompt_and_responses_reaches_the_text_that_trains(settle: Settle) -> None:
    canary = "CANARY"
    case = settle(
        "c",
        "b",
        "a",
        outcome="revised",
        steps=("base", canary),
        verdicts=((canary, canary),),
        principles=(canary,),
    )
    for row in (*sft_rows([case], "run"), *preference_rows([case], "run")):
        data = row.to_dict()
        lineage = data.pop("lineage")
        assert canary not in json.dumps(data)
        assert lineage["layer"] == "visible"
        assert data.keys() <= {"prompt", "completion", "chosen", "rejected", "margin", "weight", "soft_label"}
        assert lineage.keys() == {
            *("run", "arm", "case_id", "steps", "principles", "verdicts", "outcome", "agreement", "audited"),
            *("weight", "layer", "epoch", "stale", "decision", "step"),
        }


@pytest.mark.parametrize("make", [sft_rows, preference_rows])
def test_files_give_back_the_rows(
    make: Callable[..., list[SftRow | PreferenceRow]], corrected: Callable[[int], list[Settlement]], tmp_path: Path
) -> None:
    rows = make(corrected(5), "run")
    write_jsonl(rows, tmp_path / "rows.jsonl")
    write_parquet(rows, tmp_path / "rows.parquet")
    assert read_rows(tmp_path / "rows.jsonl") == rows
    assert pq.read_table(tmp_path / "rows.parquet").to_pylist() == [row.to_dict() for row in rows]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.jsonl", "rows.parquet"]


def test_datasets_reads_the_conversational_format(corrected: Callable[[int], list[Settlement]], tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = sft_rows(corrected(5), "run")
    write_parquet(rows, tmp_path / "rows.parquet")
    loaded = datasets.Dataset.from_parquet(str(tmp_path / "rows.parquet"), cache_dir=str(tmp_path / "cache"))
    assert loaded[0]["prompt"] == rows[0].to_dict()["prompt"]
    assert loaded[0]["completion"] == rows[0].to_dict()["completion"]


def test_a_failed_write_leaves_neither_the_file_nor_its_temporary_name(settle: Settle, tmp_path: Path) -> None:
    (row,) = sft_rows([settle("c", "a")], "run")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_jsonl([row, replace(row, weight=float("nan"))], tmp_path / "rows.jsonl")
    with pytest.raises(InputError, match="rows of one kind"):
        write_parquet([], tmp_path / "rows.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_is_no_row_is_named(settle: Settle, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_jsonl(sft_rows([settle("c", "a")], "run"), path)
    path.write_text(path.read_text("utf-8") + '{"prompt": []}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"rows\.jsonl:2: not a training row"):
        read_rows(path)


def test_parquet_that_holds_no_rows_is_named(settle: Settle, tmp_path: Path) -> None:
    (row,) = sft_rows([settle("c", "a")], "run")
    data = row.to_dict()
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist([{name: data[name] for name in ("prompt", "completion", "weight")}]), path)
    with pytest.raises(InputError, match=r"rows\.parquet:1: not a training row \(no lineage\)"):
        read_rows(path)
    pq.write_table(pa.table({"prompt": pa.array([], pa.string())}), path)
    with pytest.raises(InputError, match="the dataset is empty"):
        read_rows(path)
    path.write_text("no parquet")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_rows(path)
    with pytest.raises(InputError, match=r"other\.parquet: no such file"):
        read_rows(tmp_path / "other.parquet")


def _review(step: str, response: str, critique: str, *, borne_out: bool) -> Review:
    """A review of case c by a critic that judged by no principle."""
    none = np.zeros((1, 1, 0))
    found = (none.astype(bool), none.astype(bool), none)
    words, where, out = objects([critique]), np.zeros(1, np.int64), np.array([borne_out])
    judged = objects([response]).reshape(1, 1)
    return Review("panel", step, objects(["c"]), judged, (), *found, ("yes", "no"), words, where, out)


def test_a_rationale_is_of_what_was_corrected_and_was_borne_out(settle: Settle) -> None:
    case = settle("c", "bad", "good", outcome="revised")
    of_final = _review("critic.1", "good", "All is well.", borne_out=True)
    overruled = Source("run", [case], reviews=lambda: [_review("critic", "bad", "Fine.", borne_out=False), of_final])
    assert rationales(overruled, DatasetSpec()).left_out == {"no rationale": 1}
    why = "It is rude. It says so to all who were there today.  Nobody likes\nthat."
    right = _review("critic", "bad", why, borne_out=True)
    source = Source("run", [case], reviews=lambda: [right, of_final])
    told = [row.completion[0].content for row in rationales(source, DatasetSpec()).rows]
    assert told == ["good", "[strategy] It says so to all who were there today. Nobody likes that. [/strategy] good"]
    for said, answer in (
        ("It is rude [/strategy].", "so he says it to all who"),
        ("C’est rude…", "Où he says it to ALL who"),
    ):
        found = distilled(f"He says it to all who ask. {said}", answer, RationaleSpec())
        assert found == said.replace(" [/strategy]", " ")
    forged = settle("c", "bad", "good [strategy]", outcome="revised")
    assert rationales(replace(source, settlements=[forged]), DatasetSpec()).left_out == {"tag in the answer": 1}
    with pytest.raises(InputError, match="the hidden layer of this run is not here"):
        rationales(Source("run", [case]), DatasetSpec())


def test_a_note_names_the_answer_of_most_in_the_order_in_which_principles_were_judged() -> None:
    """Of two answers as frequent, the one that was given first; what all are sure of is no doubt."""

    def said(step: str, principles: tuple[str, ...], violated: list[bool], sure: list[float]) -> Review:
        cells = np.array(violated)[None, None], np.array(sure)[None, None]
        shape = (1, 1, len(principles))
        columns = (
            np.ones(shape, bool),
            *cells,
            ("yes", "no"),
            objects([None]),
            np.zeros(1, np.int64),
            np.zeros(1, bool),
        )
        return Review("arm", step, objects(["c"]), objects(["an answer"]).reshape(1, 1), principles, *columns)

    verdicts = Verdicts()
    verdicts.hear(said("first", ("late", "calm"), [False, True], [0.9, 0.9]), {("arm", "c")})
    verdicts.hear(said("second", ("early", "late", "calm"), [True, True, True], [0.6, 0.9, 0.9]), {("arm", "c")})
    verdicts.hear(said("unheard", ("late",), [True], [0.9]), {("arm", "another")})
    assert verdicts.number == {("arm", "c", "an answer"): 0}
    assert verdicts.last[0] == "second"
    assert verdicts.doubts(0.75) == {0: "late: no by 1 of 2, 90% sure. early: yes by 1 of 1, 60% sure."}
    assert verdicts.doubts(0.5) == {0: "late: no by 1 of 2, 90% sure."}


def test_a_line_is_the_row_in_json(settle: Settle) -> None:
    """Of any text, any number and rows of several kinds in one go."""
    hostile = '"quoted" \\ \n\t\x01\u2028 \U0001f600 é'
    comparison = Comparison("judge", (hostile, "b"), (1e-7, 1 / 3), 1)
    case = settle(hostile, "b", hostile, outcome="revised", agreement=1 / 3, comparisons=(comparison,))
    source = Source(hostile, [case, settle("plain", "a")])
    rows = [
        row
        for kind in ("sft", "preferences", "unpaired", "sft")
        for row in KINDS[kind].build(source, DatasetSpec()).rows
    ]
    expected = [json.dumps(row.to_dict(), ensure_ascii=False) for row in rows]
    assert b"".join(lines(rows)).decode() == "".join(f"{line}\n" for line in expected)
    assert len(rows) == 8
    assert list(lines([])) == []
