"""Cases from where the config says: the microworld, a file, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agents.models.recorded import read_rows
from agents.records import Case, Message
from agents.view import Cases
from constitutions.errors import InputError
from experiments.config import Data, FileData, SimulatedData, WorldData
from experiments.world.cases import cases as world_cases


def load_cases(data: Data, seed: int) -> tuple[Cases, list[Case]]:
    """The experiment's cases in columns, and as records (empty for simulated data). Raises InputError."""
    match data:
        case WorldData():
            found = world_cases(data.split, data.size, seed)
        case FileData():
            found = _from_file(data)
        case SimulatedData():
            return Cases.numbered(data.size, override=data.override), []
    return Cases.of(found), found


def data_file(data: FileData) -> Path:
    """The file with the prompts. Raises InputError when a folder is given and no `file` in it is named."""
    path = Path(data.path)
    if data.file is not None:
        return path / data.file
    if path.is_dir():
        raise InputError(f"dataset.path: {path} is a folder; name the file in it with dataset.file")
    return path


def _from_file(data: FileData) -> list[Case]:
    path = data_file(data)
    needed = [data.id, data.prompt, *data.tags, *([data.region] if data.region else [])]
    rows = read_rows(path, needed)[: data.limit]
    if not rows:
        raise InputError(f"{path}: the dataset is empty; at least one row is needed")
    found = [_case(data, row) for row in rows]
    _refuse_duplicates(path, [case.case_id for case in found])
    return found


def _case(data: FileData, row: dict[str, Any]) -> Case:
    return Case(
        case_id=f"{data.id_prefix}{row[data.id]}",
        messages=(Message("user", str(row[data.prompt])),),
        tags=tuple(f"{column}:{row[column]}" for column in data.tags),
        region=str(row[data.region]) if data.region else "",
        role="user",
    )


def _refuse_duplicates(path: Path, ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for case_id in ids:
        if case_id in seen:
            raise InputError(f"{path}: id {case_id!r} occurs twice; ids are unique")
        seen.add(case_id)
