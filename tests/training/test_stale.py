"""Rows whose decision was appealed against: marked where they were written, left out where they are written again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from agents.records import Settlement
from constitutions.errors import InputError
from training.datasets import left_out, preference_rows, sft_rows
from training.files import read_rows, write_jsonl, write_parquet
from training.stale import mark_stale


def test_rows_on_disk_are_marked_once_and_nothing_else_of_them_changes(
    corrected: Callable[[int], list[Settlement]], tmp_path: Path
) -> None:
    cases = corrected(4)
    for name, rows in (("sft", sft_rows(cases, "run")), ("preferences", preference_rows(cases, "run"))):
        write_jsonl(rows, tmp_path / f"{name}.jsonl")
        write_parquet(rows, tmp_path / f"{name}.parquet")
    before = read_rows(tmp_path / "sft.jsonl")
    appealed = {before[1].lineage.case_id}
    assert mark_stale(tmp_path, appealed) == 2
    assert mark_stale(tmp_path, appealed) == 0
    for name in ("sft", "preferences"):
        after = read_rows(tmp_path / f"{name}.jsonl")
        assert [row.lineage.stale for row in after] == [False, True, False, False]
        lineages = pq.read_table(tmp_path / f"{name}.parquet")["lineage"].to_pylist()
        assert [lineage["stale"] for lineage in lineages] == [False, True, False, False]
    after = read_rows(tmp_path / "sft.jsonl")
    assert [replace(row, lineage=row.lineage._replace(stale=False)) for row in after] == before
    assert mark_stale(tmp_path / "no such arm", appealed) == 0


def test_a_case_under_appeal_does_not_train_and_one_decided_anew_says_so(
    corrected: Callable[[int], list[Settlement]],
) -> None:
    case = corrected(1)[0]
    assert left_out(case._replace(appealed=True)) == "under appeal"
    with pytest.raises(InputError, match="1 under appeal"):
        sft_rows([case._replace(appealed=True)], "run")
    (row,) = sft_rows([case._replace(epoch=1)], "run")
    assert (row.lineage.epoch, row.lineage.stale) == (1, False)
