"""The benchmark of the text path compares what is equal: its own check, on few cases."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.text import measure, script
from benchmarks.text.ours import oversee_text, text_arm
from tests.hierarchy.graphs import without_syncing


def test_both_ways_ask_the_same_questions_and_keep_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    without_syncing(monkeypatch)
    measure.check(60)


def test_about_half_is_revised_and_the_block_size_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_syncing(monkeypatch)
    cases, parts = script.cases(200), []
    for block in (7, 1000):
        (tmp_path / str(block)).mkdir()
        oversee_text(cases, tmp_path / str(block), text_arm(), block)
        parts.append([pq.read_table(tmp_path / str(block) / f"{name}.parquet") for name in measure.TABLES])
    assert parts[0] == parts[1]
    revised = parts[0][2]["outcome"].to_pylist().count("revised")
    assert 80 <= revised <= 120
