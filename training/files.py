"""Datasets and manifests on disk: written to a temporary name, synced and renamed, so that none is ever half there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from agents.records import Message
from constitutions.errors import InputError
from constitutions.files import read_text
from training.datasets import PreferenceRow, Row, SftRow, UnpairedRow
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


def _line(row: Row) -> str:
    return json.dumps(row.to_dict(), ensure_ascii=False, allow_nan=False)


def write_jsonl(rows: Iterable[Row], path: Path) -> None:
    """One JSON object a line, UTF-8; `datasets.load_dataset("json", data_files=...)` and TRL read it as it is."""
    text = "".join(f"{_line(row)}\n" for row in rows)
    write_whole(path, lambda temporary: temporary.write_bytes(text.encode("utf-8")))


def write_parquet(rows: Sequence[Row], path: Path) -> None:
    """The same rows as Parquet, with a schema that does not depend on which lists happen to be empty.

    Raises InputError without rows, or where rows of several kinds are mixed.
    """
    kinds = {type(row) for row in rows}
    if len(kinds) != 1:
        raise InputError(
            f"{path}: expected rows of one kind, all supervised, all preferences or all unpaired, and at least one row"
        )
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist([row.to_dict() for row in rows], schema=_schema(kinds.pop()))
    write_whole(path, lambda temporary: pq.write_table(table, temporary))


_CONVERSATIONS: dict[type[Row], tuple[str, ...]] = {
    SftRow: ("prompt", "completion"),
    PreferenceRow: ("prompt", "chosen", "rejected"),
    UnpairedRow: ("prompt", "completion"),
}
_NUMBERS: dict[type[Row], tuple[str, ...]] = {
    SftRow: ("weight",),
    PreferenceRow: ("margin", "weight", "soft_label"),
    UnpairedRow: ("weight",),
}


def _schema(kind: type[Row]) -> Any:
    import pyarrow as pa

    conversation = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    texts = pa.list_(pa.string())
    lineage = pa.struct(
        [
            *((name, pa.string()) for name in ("run", "arm", "case_id")),
            ("steps", texts),
            ("principles", texts),
            ("verdicts", pa.list_(pa.struct([("step", pa.string()), ("verdict", pa.string())]))),
            ("outcome", pa.string()),
            ("agreement", pa.float64()),
            ("audited", pa.bool_()),
            ("weight", pa.float64()),
            ("layer", pa.string()),
            ("epoch", pa.int32()),
            ("stale", pa.bool_()),
        ]
    )
    return pa.schema(
        [
            *((name, conversation) for name in _CONVERSATIONS[kind]),
            *((("label", pa.bool_()),) if kind is UnpairedRow else ()),
            *((name, pa.float64()) for name in _NUMBERS[kind]),
            ("lineage", lineage),
        ]
    )


def read_jsonl(path: Path) -> list[Row]:
    """The rows of a file that `write_jsonl` wrote; supervised rows, pairs and unpaired rows are told apart by keys.

    Raises InputError naming file and line where a line is not such a row, and for a file without rows.
    """
    rows = []
    for number, line in enumerate(read_text(path).removesuffix("\n").split("\n"), start=1):
        try:
            rows.append(_row(json.loads(line)))
        except (ValueError, TypeError, KeyError) as error:
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
    for row in rows:
        digest.update(_line(row).encode("utf-8"))
        digest.update(b"\n")
    return digest.hexdigest()


def folder_hash(folder: Path) -> str:
    """SHA-256 over names and bytes of the files of a model folder: the identity of a checkpoint."""
    digest = hashlib.sha256()
    for path in sorted(item for item in folder.iterdir() if item.is_file()):
        digest.update(path.name.encode("utf-8"))
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
