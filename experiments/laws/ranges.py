"""What a parameter of a law may be, and the columns of the files that some of them read."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from constitutions.errors import InputError

_TRUE, _FALSE = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}


def within(
    name: str, value: float, low: float, high: float, *, open_low: bool = False, open_high: bool = False
) -> None:
    """Raise InputError unless `value` is in the range; an open end is excluded. Infinite bounds are never reached."""
    below = value <= low if open_low else value < low
    above = value >= high if open_high else value > high
    if below or above or not abs(value) < math.inf:
        left = "(" if open_low or math.isinf(low) else "["
        right = ")" if open_high or math.isinf(high) else "]"
        told = f"{value:g}" if abs(value) < 1e300 else str(value)  # a whole number may be too large for a float
        raise InputError(f"{name} is {told}; accepted: {left}{low:g}, {high:g}{right}")


def read_columns(path: Path, *columns: str, optional: Sequence[str] = ()) -> list[Row]:
    """The rows of a CSV file with the named columns. Raises InputError for what is absent or ambiguous."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            _check_header(path, reader.fieldnames or (), (*columns, *optional), columns)
            rows = [Row(path, reader.line_num, row, (*columns, *optional)) for row in reader]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a CSV file with {', '.join(columns)}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV file in UTF-8: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; expected a CSV file") from None
    if not rows:
        raise InputError(f"{path}: no rows below the header {', '.join(columns)}")
    return rows


def _check_header(path: Path, present: Sequence[str], known: Sequence[str], needed: Sequence[str]) -> None:
    for column in needed:
        if column not in present:
            found = ", ".join(present) or "nothing"
            raise InputError(f"{path}: no column {column!r}; the first line names {found}")
    for column in known:
        if present.count(column) > 1:
            raise InputError(f"{path}: column {column!r} stands {present.count(column)} times in the first line")


class Row:
    """The named cells of a line of a CSV file; a cell that the line lacks is empty. A line with more cells than the
    first raises InputError: its columns have slipped."""

    def __init__(self, path: Path, line: int, cells: dict[str | None, Any], names: Sequence[str]) -> None:
        self._where = f"{path}, line {line}"
        if None in cells:
            raise InputError(f"{self._where}: more cells than the first line has columns")
        self._cells = {name: cells.get(name) or "" for name in names}

    def __getitem__(self, column: str) -> str:
        return self._cells[column]

    def refuse(self, column: str, expected: str) -> InputError:
        """What is wrong with a cell, with its file and line."""
        return InputError(f"{self._where}: {column} is {self._cells[column]!r}; {expected}")

    def text(self, column: str) -> str:
        """A cell with something in it. Raises InputError for an empty one."""
        if not self._cells[column].strip():
            raise InputError(f"{self._where}: {column} is empty; leave the row out where there is nothing to say")
        return self._cells[column]

    def number(self, column: str) -> float:
        """A finite number. Raises InputError."""
        try:
            value = float(self._cells[column])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.refuse(column, "expected a finite number")
        return value

    def flag(self, column: str) -> bool:
        """A truth value. Raises InputError."""
        word = self._cells[column].strip().lower()
        if word not in _TRUE | _FALSE:
            raise self.refuse(column, "accepted: 1, 0, true, false, yes, no")
        return word in _TRUE

    def count(self, column: str, most: int) -> int:
        """A whole number from 0 to `most`, 1 where the cell is empty. Raises InputError."""
        text = self._cells[column].strip() or "1"
        if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) <= most):
            raise self.refuse(column, f"expected a whole number from 0 to {most:,}")
        return int(text)


def listed(name: str, text: str) -> list[float]:
    """Numbers separated by commas. Raises InputError for what is none."""
    if not text.strip():
        return []
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{name} is {text!r}; expected numbers separated by commas, such as 0.9,0.6,0.6") from None
