"""Marking rows of datasets that were written before the decision they came from was appealed against."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from training.datasets import Row
from training.files import read_jsonl, write_jsonl, write_parquet


def mark_stale(folder: Path, case_ids: Collection[str]) -> int:
    """Mark the rows of these cases in every dataset of an arm (`NAME.jsonl` and its Parquet); returns how many are new.

    Each file is written whole or not at all, and to repeat it is harmless. A folder that is not there has no rows.
    """
    marked = 0
    for path in sorted(folder.glob("*.jsonl")):
        rows = read_jsonl(path)
        old = [row.lineage.case_id in case_ids and not row.lineage.stale for row in rows]
        if any(old):
            fresh = [_stale(row) if is_old else row for row, is_old in zip(rows, old, strict=True)]
            write_parquet(fresh, path.with_suffix(".parquet"))
            write_jsonl(fresh, path)
            marked += sum(old)
    return marked


def _stale(row: Row) -> Row:
    return replace(row, lineage=replace(row.lineage, stale=True))
