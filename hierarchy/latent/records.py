"""Records of cases without text, as Parquet: a row per case, or a row per visit of a case to a step.

Only what cannot be worked out again is kept: words, verdicts, where each case went and how it ended. At millions of
cases a second the encoding is what costs, by the column: few columns, without nulls and without dictionaries, whole
numbers as packed deltas, which no compression makes much smaller; LZ4 or zstd for long runs of one value
(docs/performance.md).
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

from agents.simulated.lanes import word_type
from agents.vocabulary import Role, Verdict
from constitutions.errors import InputError
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.review import Review
from hierarchy.latent.said import Choice, Decision, Response, Said
from hierarchy.latent.window import Ranked
from hierarchy.plan import Plan

_RUNS = {"step": "LZ4", "revision": "ZSTD", "audit": "ZSTD"}
"""Columns with long runs of one value, and how they are compressed; zstd at level 1."""
VERDICT_BITS = 3
"""`said` of a visit is word << 3 | verdict."""
_SAID = {"layout": "word << 3 | verdict", **{verdict.name.lower(): str(int(verdict)) for verdict in Verdict}}
_MARK_BITS = 2
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


def _table(columns: Mapping[str, NDArray[Any]], about: Mapping[str, str] | None = None) -> pa.Table:
    """A table without nulls."""
    arrays = {name: pa.array(values) for name, values in columns.items()}
    schema = pa.schema([pa.field(name, array.type, nullable=False) for name, array in arrays.items()], about)
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
    """A row per visit, step by step: case number, the step's index in the plan, and `said`, word << 3 | verdict.

    The word is an answer's violations, a reviewer's flags, an auditor's revision, a judge's choice + 1, or a window's
    choice; the verdict is its code. `told` takes them apart. Raises InputError for more principles than have room.
    """
    kind, rows = _said_type(block.plan), sum(map(len, block.rows.values()))
    case, step, said = np.empty(rows, np.uint64), np.empty(rows, np.int16), np.empty(rows, kind)
    first = 0
    for index, here in block.rows.items():
        part = slice(first, first + len(here))
        case[part] = block.cases.number if here.all else block.cases.number.take(here.at)
        step[part] = index
        np.left_shift(_word(block.said[index]), VERDICT_BITS, out=said[part], dtype=kind, casting="unsafe")
        said[part] |= block.said[index].verdict.view(np.uint8)
        first += len(here)
    return _table({"case": case, "step": step, "said": said}, _SAID)


def told(visits: pa.Table) -> tuple[NDArray[Any], NDArray[np.int8]]:
    """(the words, the verdict codes) of a table of visits, [n]."""
    said = visits["said"].to_numpy()
    return said >> said.dtype.type(VERDICT_BITS), (said & said.dtype.type((1 << VERDICT_BITS) - 1)).astype(np.int8)


def _said_type(plan: Plan) -> np.dtype[Any]:
    most = 64 - VERDICT_BITS - _MARK_BITS
    if plan.places > most:
        raise InputError(f"graph {plan.graph.name!r}: {plan.places} principles; a row per visit has room for {most}")
    return word_type(max(16, plan.places + VERDICT_BITS + _MARK_BITS))


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
    sink, packed = pa.BufferOutputStream(), [name for name in table.column_names if name not in _RUNS]
    pq.write_table(
        table,
        sink,
        compression={name: _RUNS.get(name, "NONE") for name in table.column_names},
        compression_level={name: 1 for name in table.column_names if _RUNS.get(name) == "ZSTD"} or None,
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
