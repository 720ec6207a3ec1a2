"""Records of cases without text, as Parquet: a row per case, or a row per visit of a case to a step.

Only what cannot be worked out again is kept: words, verdicts, where each case went and how it ended. At millions of
cases a second the encoding is what costs: columns without nulls and without dictionaries, whole numbers as packed
deltas, which zstd hardly makes smaller (docs/performance.md); zstd level 1 where it does.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agents.vocabulary import Role
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.review import Review
from hierarchy.latent.said import Choice, Decision, Response, Said
from hierarchy.latent.window import Ranked
from hierarchy.plan import Plan

_CONSTANT = {"step", "revision", "audit"}
"""Columns with long runs of one value."""
NOT_AUDITED, DECIDED, BY_POLICY, WAITING = (np.int8(code) for code in range(4))
"""Codes of `audit` in a case's row: no auditor was needed, one decided, the policy did, or the case waits for one."""


def case_table(block: LatentBlock) -> pa.Table:
    """A row per case: number, outcome (`CaseOutcome`), final word, its revision number, and `audit`."""
    word, revision = block.final()
    columns: dict[str, NDArray[Any]] = {
        "case": block.cases.number,
        "outcome": block.outcomes(),
        "final": word,
        "revision": np.full(len(block), revision, np.int16) if isinstance(revision, int) else revision.astype(np.int16),
        "audit": _audit(block),
    }
    return _table(columns)


def _table(columns: Mapping[str, NDArray[Any]]) -> pa.Table:
    """A table without nulls."""
    arrays = {name: pa.array(values) for name, values in columns.items()}
    schema = pa.schema([pa.field(name, array.type, nullable=False) for name, array in arrays.items()])
    return pa.Table.from_arrays(list(arrays.values()), schema=schema)


def _audit(block: LatentBlock) -> NDArray[np.int8]:
    out = np.full(len(block), NOT_AUDITED)
    for index, said in block.said.items():
        if isinstance(said, Decision):
            code = DECIDED if said.policy is None else np.where(said.policy, BY_POLICY, DECIDED)
            out[block.rows[index].at] = code
    for rows in block.waiting.values():
        out[rows.at] = WAITING
    return out


def visit_table(block: LatentBlock) -> pa.Table:
    """A row per visit, step by step: case number, the step's index in the plan, its verdict code, and its word: an
    answer's violations, a reviewer's flags, an auditor's revision, a judge's choice + 1, a window's choice."""
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in ("case", "step", "verdict", "word")}
    for index, rows in block.rows.items():
        said = block.said[index]
        columns["case"].append(block.cases.number if rows.all else block.cases.number.take(rows.at))
        columns["step"].append(np.full(len(rows), index, np.int16))
        columns["verdict"].append(said.verdict)
        columns["word"].append(_word(said))
    return _table({name: np.concatenate(parts) for name, parts in columns.items()})


def _word(said: Said) -> NDArray[Any]:
    match said:
        case Response() | Decision():
            return said.word
        case Review():
            return said.flag
        case Choice():
            return (said.chosen + 1).astype(np.uint8 if said.chosen.max(initial=0) < 255 else np.uint16)
        case Ranked():
            return said.chosen.view(np.uint8)
    raise TypeError(f"no record of {type(said).__name__}")


def encoded(table: pa.Table) -> bytes:
    """The table as the bytes of a Parquet file."""
    sink, packed = pa.BufferOutputStream(), [name for name in table.column_names if name not in _CONSTANT]
    pq.write_table(
        table,
        sink,
        compression={name: "NONE" if name in packed else "ZSTD" for name in table.column_names},
        compression_level=dict.fromkeys(_CONSTANT & set(table.column_names), 1) or None,
        use_dictionary=False,
        write_statistics=False,
        column_encoding=dict.fromkeys(packed, "DELTA_BINARY_PACKED"),
    )
    data: bytes = sink.getvalue().to_pybytes()
    return data


def write_part(path: Path, data: bytes) -> None:
    """Write a part under a temporary name, sync, rename: a crash leaves the whole part or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def digest(parts: Sequence[Path]) -> str:
    """SHA-256 over the rows of parts, sorted by case and step: the same whatever the blocks, workers and crashes."""
    tables = [pq.read_table(path) for path in parts]
    if not tables:
        return hashlib.sha256().hexdigest()
    table = pa.concat_tables(tables, promote_options="permissive")
    table = table.sort_by([(name, "ascending") for name in ("case", "step") if name in table.column_names])
    sha = hashlib.sha256()
    for name in table.column_names:
        sha.update(name.encode())
        sha.update(table[name].to_numpy().astype(np.int64).tobytes())
    return sha.hexdigest()


def steps_table(plan: Plan) -> pa.Table:
    """What the step indices of a plan mean: index, name, role and agent."""
    steps = plan.steps
    return pa.table(
        {
            "step": pa.array([step.index for step in steps], pa.int16()),
            "name": [step.name for step in steps],
            "role": [step.role.value for step in steps],
            "agent": [None if step.role is Role.CONSENSUS else step.step.agent for step in steps],
        }
    )
