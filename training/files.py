"""Datasets on disk: written whole or not at all, read some rows at a time; and what identifies them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from agents.records import Message
from agents.uncollected import uncollected
from constitutions.errors import InputError
from constitutions.files import read_lines
from training.datasets import PreferenceRow, Row, SftRow, UnpairedRow
from training.datasets.lines import lines
from training.growing import GrowingJsonl, GrowingParquet
from training.lineage import Lineage
from training.whole import whole

_SOME = 4096  # rows of a Parquet file at a time


@uncollected()
def write_jsonl(rows: Iterable[Row], path: Path) -> None:
    """One JSON object a line, UTF-8; `datasets.load_dataset("json", data_files=...)` and TRL read it as it is."""
    with whole(path) as temporary, closing(GrowingJsonl(temporary)) as file:
        file.add(rows)


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
    with whole(path) as temporary, closing(GrowingParquet(temporary)) as file:
        file.add(rows)


FORMATS: dict[str, Callable[[Sequence[Row], Path], None]] = {"jsonl": write_jsonl, "parquet": write_parquet}
"""How rows are written, by the ending of the file."""


def read_rows(path: Path) -> list[Row]:
    """The rows of a file that `write_jsonl` or `write_parquet` wrote. Raises InputError as `iter_rows` does."""
    return list(iter_rows(path))


def iter_rows(path: Path) -> Iterator[Row]:
    """The rows of a dataset file, told apart by its ending, without ever holding all.

    Supervised rows, pairs and unpaired rows are told apart by keys. Raises InputError naming file and line (or row)
    where one is not such a row, and for a file without rows.
    """
    empty = True
    found: Iterator[str | dict[str, Any]] = _parquet(path) if path.suffix == ".parquet" else read_lines(path)
    for number, data in enumerate(found, start=1):
        empty = False
        try:
            yield _row(json.loads(data) if isinstance(data, str) else data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"{path}:{number}: not a training row ({_said(error)}); expected a JSON object with prompt, "
                "completion (or chosen and rejected), weight and lineage"
            ) from None
    if empty:
        raise InputError(f"{path}: the dataset is empty; expected at least one row")


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_SOME):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]})") from None


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
