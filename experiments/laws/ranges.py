"""What a parameter of a law may be, and the columns of the files that some of them read."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from constitutions.errors import InputError

_TRUE, _FALSE = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}


def within(
    name: str, value: float, low: float, high: float, *, open_low: bool = False, open_high: bool = False
) -> None:
    """Raise InputError unless `value` is in the range; an open end is excluded. Infinite bounds are never reached."""
    below = value <= low if open_low else value < low
    above = value >= high if open_high else value > high
    if math.isnan(value) or math.isinf(value) or below or above:
        left = "(" if open_low or math.isinf(low) else "["
        right = ")" if open_high or math.isinf(high) else "]"
        raise InputError(f"{name} is {value:g}; accepted: {left}{low:g}, {high:g}{right}")


def read_columns(path: Path, *columns: str, optional: Sequence[str] = ()) -> list[dict[str, str]]:
    """The rows of a CSV file, each with at least the named columns. Raises InputError for what is absent."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            present = reader.fieldnames or ()
            for column in columns:
                if column not in present:
                    found = ", ".join(present) or "nothing"
                    raise InputError(f"{path}: no column {column!r}; the first line names {found}")
            rows = [{name: row.get(name) or "" for name in (*columns, *optional)} for row in reader]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a CSV file with {', '.join(columns)}") from None
    except (UnicodeDecodeError, csv.Error, IsADirectoryError) as error:
        raise InputError(f"{path}: not a CSV file in UTF-8: {error}") from None
    if not rows:
        raise InputError(f"{path}: no rows below the header {', '.join(columns)}")
    return rows


def numbers(path: Path, rows: Sequence[dict[str, str]], column: str) -> list[float]:
    """A column of finite numbers. Raises InputError with the line of the first cell that is not one."""
    found = []
    for line, row in enumerate(rows, start=2):
        try:
            value = float(row[column])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InputError(f"{path}, line {line}: {column} is {row[column]!r}; expected a finite number")
        found.append(value)
    return found


def flags(path: Path, rows: Sequence[dict[str, str]], column: str) -> list[bool]:
    """A column of truth values. Raises InputError with the line of the first cell that is none."""
    found = []
    for line, row in enumerate(rows, start=2):
        word = row[column].strip().lower()
        if word not in _TRUE | _FALSE:
            raise InputError(f"{path}, line {line}: {column} is {row[column]!r}; accepted: 1, 0, true, false, yes, no")
        found.append(word in _TRUE)
    return found


def listed(name: str, text: str) -> list[float]:
    """Numbers separated by commas. Raises InputError for what is none."""
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise InputError(f"{name} is {text!r}; expected numbers separated by commas, such as 0.9,0.6,0.6") from None
