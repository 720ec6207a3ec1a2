"""Recorded models: outputs somebody logged, read from CSV or JSONL, for running real data through any graph."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agents.model import Generated, Query, Scored
from agents.spec import RecordedSpec
from constitutions.errors import InputError

_CSV_FIELD = 10_000_000


def read_rows(path: str | Path, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of a `.csv` or `.jsonl` file, all of them with at least the given columns.

    Raises InputError naming file and line for a missing file or column, bytes that are not UTF-8, a line that is no
    JSON object, or a file without rows.
    """
    return [row for _, row in _numbered_rows(Path(path), columns)]


def _numbered_rows(path: Path, columns: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
    """(line number, row) of every row."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a .csv or .jsonl file")
    match path.suffix.lower():
        case ".csv":
            rows = _csv_rows(path, _decode(path), columns)
        case ".jsonl":
            rows = _jsonl_rows(path, _decode(path), columns)
        case other:
            raise InputError(f"{path}: {other or 'no suffix'} is not accepted; expected a .csv or .jsonl file")
    if not rows:
        raise InputError(f"{path}: the file is empty; at least one row is needed")
    return rows


def _demand(path: Path, line: int, columns: Sequence[str], there: Iterable[str]) -> None:
    there = [str(name) for name in there]
    for column in columns:
        if column not in there:
            raise InputError(f"{path}:{line}: no column {column!r}; there are: {', '.join(there)}")


def _decode(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: not UTF-8 at byte {error.start}; expected a UTF-8 text file") from None


def _csv_rows(path: Path, text: str, columns: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(_CSV_FIELD)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, dict[str, Any]]] = []
    try:
        if reader.fieldnames is not None:
            _demand(path, 1, columns, reader.fieldnames)
        for row in reader:
            if None in row or None in row.values():
                width = len(reader.fieldnames or ())
                raise InputError(f"{path}:{reader.line_num}: does not have the header's {width} columns")
            rows.append((reader.line_num, row))
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: {error}; expected comma-separated values") from None
    return rows


def _jsonl_rows(path: Path, text: str, columns: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}:{number}: {error.msg}; expected one JSON object per line") from None
        if not isinstance(row, dict):
            raise InputError(f"{path}:{number}: {type(row).__name__}; expected one JSON object per line")
        _demand(path, number, columns, row)
        if "\\ud" in line.lower():  # JSON can say half of a surrogate pair, which no other file takes
            _demand_text(path, number, row)
        rows.append((number, row))
    return rows


def _demand_text(path: Path, number: int, row: dict[str, Any]) -> None:
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError(f"{path}:{number}: half of a surrogate pair; expected UTF-8 text") from None


class RecordedModel:
    """Looks outputs up by case id. What was not recorded, or is no label of the vocabulary, is missing."""

    def __init__(self, spec: RecordedSpec) -> None:
        self.spec = spec
        wanted = [spec.id, *(column for column in (spec.text, spec.label) if column is not None)]
        self._rows: dict[str, dict[str, Any]] = {}
        for line, row in _numbered_rows(Path(spec.path), wanted):
            name = str(row[spec.id])
            if name in self._rows:
                raise InputError(f"{spec.path}:{line}: {spec.id} {name!r} occurs twice; expected one row per case")
            self._rows[name] = row

    def generate(self, query: Query) -> Generated:
        """The recorded texts."""
        if self.spec.text is None:
            raise InputError(f"{self.spec.path}: asked for a text, but no `text` column is named")
        text = np.full(len(query), None, object)
        text[:] = [self._cell(case, self.spec.text) for case in query.case_id_N]
        present = np.array([cell is not None for cell in text], bool)
        none = np.zeros(len(query), np.int32)
        return Generated(text, present, none, none)

    def score(self, query: Query, labels: tuple[str, ...]) -> Scored:
        """Probability 1 for the recorded label; a row of NaN where it is absent or none of `labels`."""
        if self.spec.label is None:
            raise InputError(f"{self.spec.path}: asked for a label, but no `label` column is named")
        probability = np.full((len(query), len(labels)), np.nan)
        for n, case in enumerate(query.case_id_N):
            label = self.label(case)
            if label in labels:
                probability[n] = 0.0
                probability[n, labels.index(label)] = 1.0
        return Scored(probability, np.zeros(len(query), np.int32))

    def label(self, case_id: str) -> str | None:
        """The recorded label of a case, renamed as the spec says; None where there is none."""
        cell = self._cell(case_id, self.spec.label or "")
        return None if cell is None else self.spec.labels.get(cell, cell)

    def _cell(self, case_id: str, column: str) -> str | None:
        row = self._rows.get(str(case_id), {})
        value = row.get(column)
        return None if value is None or not str(value).strip() else str(value)
