"""`results.json`: a frozen record, written whole and read back."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from agents.figures import Record
from constitutions.errors import InputError
from constitutions.files import read_text, write_atomically

RESULTS_FILE = "results.json"
_Kept = TypeVar("_Kept", bound=Record)


def write_record(results: Record, folder: Path) -> Path:
    """Write `results.json` into the folder (atomically) and return its path. Floats survive exactly."""
    path = folder / RESULTS_FILE
    write_atomically(path, results.model_dump_json(indent=1) + "\n")
    return path


def read_record(kind: type[_Kept], folder: Path, absent: str, other: str) -> _Kept:
    """The results in a folder. Raises InputError, with the words `absent` where there are none, and `other` where they
    are not of this version."""
    path = folder / RESULTS_FILE
    if not path.is_file():
        raise InputError(f"{folder}: {absent}")
    try:
        return kind.model_validate_json(read_text(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(f"{path}: {where}: {first['msg']}; {other}") from None
