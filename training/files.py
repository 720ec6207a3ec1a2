"""Datasets and manifests on disk: written to a temporary name, synced and renamed, so that none is ever half there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from agents.records import Message
from agents.uncollected import uncollected
from constitutions.errors import InputError
from constitutions.files import read_text
from training.datasets import PreferenceRow, Row, SftRow, UnpairedRow
from training.datasets.lines import lines
from training.lineage import Lineage


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, sync it and rename it to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@uncollected()
def write_jsonl(rows: Iterable[Row], path: Path) -> None:
    """One JSON object a line, UTF-8; `datasets.load_dataset("json", data_files=...)` and TRL read it as it is."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.writelines(lines(rows))

    write_whole(path, write)


@uncollected()
def write_parquet(rows: Sequence[Row], path: Path) -> None:
    """The same rows as Parquet, with a schema that does not depend on which lists happen to be empty.

    Raises InputError without rows, or where rows of several kinds are mixed.
    """
    kinds = {type(row) for row in rows}
    if len(kinds) != 1:
        raise InputError(
            f"{path}: expected rows of one kind, all supervised, all preferences or all unpaired, and at least one row"
        )
    # pyarrow takes a moment to import, and fine-tuning from JSONL does without.
    import pyarrow.parquet as pq

    from training.datasets.arrow import table

    made = table(rows)
    write_whole(path, lambda temporary: pq.write_table(made, temporary))


FORMATS: dict[str, Callable[[Sequence[Row], Path], None]] = {"jsonl": write_jsonl, "parquet": write_parquet}
"""How rows are written, by the ending of the file."""


def read_rows(path: Path) -> list[Row]:
    """The rows of a file that `write_jsonl` or `write_parquet` wrote, told apart by its ending. Raises InputError."""
    return read_parquet(path) if path.suffix == ".parquet" else read_jsonl(path)


def read_parquet(path: Path) -> list[Row]:
    """The rows of a file that `write_parquet` wrote. Raises InputError naming file and row, as `read_jsonl` does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        found = pq.read_table(path).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]})") from None
    return _rows(path, enumerate(found, start=1))


def read_jsonl(path: Path) -> list[Row]:
    """The rows of a file that `write_jsonl` wrote; supervised rows, pairs and unpaired rows are told apart by keys.

    Raises InputError naming file and line where a line is not such a row, and for a file without rows.
    """
    lines = read_text(path).removesuffix("\n").split("\n")
    return _rows(path, enumerate(lines if lines != [""] else [], start=1))


def _rows(path: Path, numbered: Iterable[tuple[int, str | dict[str, Any]]]) -> list[Row]:
    rows = []
    for number, data in numbered:
        try:
            rows.append(_row(json.loads(data) if isinstance(data, str) else data))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"{path}:{number}: not a training row ({_said(error)}); expected a JSON object with prompt, "
                "completion (or chosen and rejected), weight and lineage"
            ) from None
    if not rows:
        raise InputError(f"{path}: the dataset is empty; expected at least one row")
    return rows


def _said(error: Exception) -> str:
    return f"no {error.args[0]}" if isinstance(error, KeyError) else str(error)


def _row(data: dict[str, Any]) -> Row:
    lineage = Lineage.from_dict(data["lineage"])
    prompt = _messages(data["prompt"])
    weight = float(data["weight"])
    if "label" in data:
        return UnpairedRow(prompt, _messages(data["completion"]), bool(data["label"]), weight, lineage)
    if "completion" in data:
        return SftRow(prompt, _messages(data["completion"]), weight, lineage)
    return PreferenceRow(
        prompt=prompt,
        chosen=_messages(data["chosen"]),
        rejected=_messages(data["rejected"]),
        margin=float(data["margin"]),
        weight=weight,
        lineage=lineage,
        soft_label=float(data["soft_label"]),
    )


def _messages(data: list[dict[str, str]]) -> tuple[Message, ...]:
    return tuple(Message(item["role"], item["content"]) for item in data)


def data_hash(rows: Iterable[Row]) -> str:
    """SHA-256 over the rows as `write_jsonl` writes them: the identity of a dataset."""
    digest = hashlib.sha256()
    for some in lines(rows):
        digest.update(some)
    return digest.hexdigest()


def folder_hash(folder: Path) -> str:
    """SHA-256 over names and bytes of the files of a model folder: the identity of a checkpoint."""
    digest = hashlib.sha256()
    for path in sorted(item for item in folder.iterdir() if item.is_file()):
        digest.update(path.name.encode("utf-8"))
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
