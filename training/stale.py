"""Rows of datasets that were written before the decision they came from was appealed against: marked, never learnt."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from training.datasets import Row
from training.files import FORMATS, read_rows


def mark_stale(folder: Path, case_ids: Collection[str]) -> int:
    """Mark the rows of these cases in every dataset of an arm, JSONL or Parquet; returns how many rows are new.

    Rows that are in both forms count once. Each file is written whole or not at all, and to repeat it is harmless. A
    folder that is not there has no rows.
    """
    marked: dict[str, int] = {}
    for path in sorted(each for form in FORMATS for each in folder.glob(f"*.{form}")):
        rows = read_rows(path)
        old = [row.lineage.case_id in case_ids and not row.lineage.stale for row in rows]
        if any(old):
            fresh = [_stale(row) if is_old else row for row, is_old in zip(rows, old, strict=True)]
            FORMATS[path.suffix.removeprefix(".")](fresh, path)
            marked[path.stem] = sum(old)
    return sum(marked.values())


def current(rows: Sequence[Row]) -> list[Row]:
    """The rows that may train, in order."""
    return [row for row in rows if not row.lineage.stale]


def _stale(row: Row) -> Row:
    return replace(row, lineage=row.lineage._replace(stale=True))
