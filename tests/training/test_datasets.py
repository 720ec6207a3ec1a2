from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from agents.records import Message, Settlement
from constitutions.errors import InputError
from training.datasets import PreferenceRow, SftRow, preference_rows, sft_rows
from training.files import data_hash, read_jsonl, write_jsonl, write_parquet

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
    with_refusals = sft_rows(cases, "run", outcomes=("released", "refused"))
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


def test_a_judges_preference_gives_the_margin(settle: Settle) -> None:
    (row,) = preference_rows([settle("c", "b", "a", outcome="revised", agreement=0.5, preference=0.875)], "run")
    assert (row.margin, row.weight) == (0.75, 0.5)


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
    with pytest.raises(InputError, match="'sent' is none of"):
        sft_rows([settle("a", "b")], "run", outcomes=("sent",))


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
            *("weight", "layer", "epoch", "stale"),
        }


@pytest.mark.parametrize("make", [sft_rows, preference_rows])
def test_files_give_back_the_rows(
    make: Callable[..., list[SftRow | PreferenceRow]], corrected: Callable[[int], list[Settlement]], tmp_path: Path
) -> None:
    rows = make(corrected(5), "run")
    write_jsonl(rows, tmp_path / "rows.jsonl")
    write_parquet(rows, tmp_path / "rows.parquet")
    assert read_jsonl(tmp_path / "rows.jsonl") == rows
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
    broken = settle("c", "a", agreement=float("nan"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_jsonl(sft_rows([broken], "run"), tmp_path / "rows.jsonl")
    with pytest.raises(InputError, match="rows of one kind"):
        write_parquet([], tmp_path / "rows.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_is_no_row_is_named(settle: Settle, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_jsonl(sft_rows([settle("c", "a")], "run"), path)
    path.write_text(path.read_text("utf-8") + '{"prompt": []}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"rows\.jsonl:2: not a training row"):
        read_jsonl(path)
