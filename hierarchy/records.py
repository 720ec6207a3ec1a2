"""Records: the rows of a finished block as Arrow tables, visible and hidden apart, and the hash that says "the same".

A row is one (arm, case, step instance, candidate). Times, process ids and file boundaries are no part of it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agents.columns import COLUMNS, Array, Column, Level, Output
from agents.vocabulary import CaseOutcome, Role, Verdict
from hierarchy.audit.records import POLICY
from hierarchy.block import Block
from hierarchy.fields import VERDICT_TEXT
from hierarchy.flow import Ints
from hierarchy.plan import PlannedStep

KEYS = [("arm", pa.string()), ("case_id", pa.string()), ("step", pa.string()), ("candidate", pa.int16())]
_ARROW = {
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "float32": pa.float32(),
    "uint64": pa.uint64(),
    "object": pa.string(),
}


def _declared(hidden: bool) -> dict[str, Column]:
    found = {c.name: c for columns in COLUMNS.values() for c in columns if c.hidden == hidden}
    return {name: c for name, c in found.items() if name not in ("verdict", "label")}


def schema(hidden: bool) -> pa.Schema:
    """The schema of the visible or the hidden table; the same for every graph."""
    fields = list(KEYS)
    if not hidden:
        fields += [("role", pa.string()), ("agent", pa.string()), ("verdict", pa.string()), ("label", pa.string())]
    else:
        fields += [("principles", pa.list_(pa.string()))]
    for column in _declared(hidden).values():
        kind = _ARROW[column.dtype]
        fields.append((column.name, pa.list_(kind) if column.level in (Level.FINDING, Level.OPTION) else kind))
    return pa.schema(fields)


def case_schema() -> pa.Schema:
    """The schema of the table with a row per case."""
    flags = [(name, pa.bool_()) for name in ("escalated", "audited", "unreviewed")]
    counts = [(name, pa.int64()) for name in ("calls", "tokens", "written")]
    texts = [(name, pa.string()) for name in ("arm", "case_id", "outcome", "final")]
    return pa.schema([*texts, *flags, ("minutes", pa.float64()), *counts])


@dataclass(frozen=True)
class _Part:
    """The rows of one step instance and candidate."""

    step: PlannedStep
    rows: Ints
    candidate: int
    said: Output

    def __len__(self) -> int:
        return len(self.rows)


def tables(arm: str, block: Block) -> tuple[pa.Table, pa.Table]:
    """(visible, hidden) rows of the block, sorted by case, step and candidate."""
    parts = _parts(block)
    rank_N = pc.rank(pa.array(block.cases.case_id_N, pa.string()), tiebreaker="dense").to_numpy()
    order = pa.array(_order(parts, rank_N))
    return _table(arm, block, parts, order, hidden=False), _table(arm, block, parts, order, hidden=True)


def _parts(block: Block) -> list[_Part]:
    parts = []
    for step in block.plan.steps:
        rows = np.flatnonzero(block.ran[step.index])
        if len(rows):
            said = block.said(step.index)
            said = said if len(rows) == len(block) else said.take(rows)
            count = 1 if step.role is Role.JUDGE else block.width(step).candidates
            parts += [_Part(step, rows, k, said) for k in range(count)]
    return parts


def _order(parts: Sequence[_Part], rank_N: Ints) -> Ints:
    """How to sort the parts' rows, one part after another, by case, step and candidate."""
    names = sorted({part.step.name for part in parts})
    width = 1 + max((part.candidate for part in parts), default=0)
    places = [names.index(part.step.name) * width + part.candidate for part in parts]
    keys = [rank_N[part.rows] * (len(names) * width) + place for part, place in zip(parts, places, strict=True)]
    return np.argsort(np.concatenate(keys), kind="stable") if keys else np.empty(0, np.int64)


def _table(arm: str, block: Block, parts: Sequence[_Part], order: pa.Array, hidden: bool) -> pa.Table:
    columns = []
    for field in schema(hidden):
        cells = [_cells(arm, block, part, field, hidden) for part in parts]
        if all(cell.null_count == len(cell) for cell in cells):
            columns.append(pa.nulls(len(order), field.type))
        else:
            columns.append(pa.concat_arrays(cells).take(order))
    return pa.Table.from_arrays(columns, schema=schema(hidden))


def _cells(arm: str, block: Block, part: _Part, field: pa.Field, hidden: bool) -> pa.Array:
    """One column of one part. Of the same name one role's may be hidden: a critic's phrasing, not a reviser's."""
    step, said = part.step, part.said
    match field.name:
        case "case_id":
            return pa.array(block.cases.case_id_N[part.rows], field.type)
        case "verdict":
            return pa.array(VERDICT_TEXT[said["verdict"]], field.type)
        case "label" if "label" in said.columns:
            return pa.array(np.array([*block.plan.graph.labels, None], object)[said["label"]], field.type)
    constants = {
        "arm": arm,
        "step": step.name,
        "candidate": part.candidate,
        "role": step.role.value,
        "agent": step.step.agent,
        "principles": list(step.principles) if "finding_flag" in said.columns else None,
        "label": None,
    }
    if field.name in constants:
        return pa.repeat(pa.scalar(constants[field.name], field.type), len(part))
    column = next((c for c in COLUMNS[step.role] if (c.name, c.hidden) == (field.name, hidden)), None)
    return pa.nulls(len(part), field.type) if column is None else _arrow(column, said, part.candidate, field.type)


def _arrow(column: Column, said: Output, k: int, kind: pa.DataType) -> pa.Array:
    """A declared column of what a step said, for one candidate. NaN, and a finding that is not present, is null."""
    values = said[column.name]
    match column.level:
        case Level.CASE:
            return _flat(values, kind)
        case Level.CANDIDATE:
            return _flat(values[:, k], kind)
        case Level.OPTION:
            return _lists(values, np.isnan(values), kind)
        case Level.FINDING:
            told = column.name in ("finding_asked", "finding_present")
            return _lists(values[:, k], None if told else ~said["finding_present"][:, k], kind)


def _flat(values: Array, kind: pa.DataType) -> pa.Array:
    return pa.array(values, kind, mask=np.isnan(values) if values.dtype.kind == "f" else None)


def _lists(values: Array, absent: Array | None, kind: pa.DataType) -> pa.Array:
    """[n, m] cells as n lists of m."""
    count, width = values.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    cells = pa.array(values.ravel(), kind.value_type, mask=None if absent is None else absent.ravel())
    return pa.ListArray.from_arrays(offsets, cells, type=kind)


def case_table(arm: str, block: Block) -> pa.Table:
    """One row per case: outcome, what the user gets, whether it was escalated, audited, left unreviewed, and cost."""
    outcome = block.outcomes()
    names = np.array([o.name.lower() for o in CaseOutcome], object)
    audited, unreviewed, minutes = audits(block)
    order = pc.sort_indices(pa.array(block.cases.case_id_N, pa.string()))
    columns = {
        "arm": pa.repeat(arm, len(block)),
        "case_id": block.cases.case_id_N,
        "outcome": names[outcome],
        "final": finals(block),
        "escalated": audited | unreviewed | (block.parked >= 0),
        "audited": audited,
        "unreviewed": unreviewed,
        "minutes": minutes,
        "calls": total(block, "calls"),
        "tokens": total(block, "tokens"),
        "written": total(block, "written"),
    }
    return pa.table(columns, schema=case_schema()).take(order)


def finals(block: Block) -> Any:
    """What the user of each case gets, object [N]: the released response, the graph's refusal or redirection, None."""
    graph, outcome = block.plan.graph, block.outcomes()
    final = block.final().text_NK[:, 0].copy()
    final[outcome == CaseOutcome.REFUSED] = graph.refusal
    final[outcome == CaseOutcome.REDIRECTED] = graph.redirection
    final[outcome == CaseOutcome.PENDING] = None
    return final


def audits(block: Block) -> tuple[Any, Any, Any]:
    """(decided by an auditor, answered by policy in place of one, human minutes), each [N]."""
    audited, unreviewed = np.zeros(len(block), bool), np.zeros(len(block), bool)
    minutes = np.zeros(len(block), np.float64)
    for step in block.plan.steps:
        if step.role is Role.AUDITOR:
            said, ran = block.said(step.index), block.ran[step.index]
            policy = ran & (said["auditor"] == POLICY)
            audited |= ran & ~policy
            unreviewed |= policy
            minutes += np.where(ran, said["minutes"], 0.0)
    return audited, unreviewed, minutes


def escalated(block: Block) -> Any:
    """Whether the case went to the human queue, bool [N]: decided, answered by policy, or still waiting."""
    audited, unreviewed, _ = audits(block)
    return audited | unreviewed | (block.parked >= 0)


def total(block: Block, name: str) -> Any:
    """Sum of a cost column (`calls`, `tokens` or `written`) over the steps that ran, int64 [N]."""
    out = np.zeros(len(block), np.int64)
    for step in block.plan.steps:
        said = block.said(step.index)
        if name in said.columns:
            out += np.where(block.ran[step.index], said[name], 0)
    return out


def missing(block: Block) -> Any:
    """Whether some verdict on the case's path could not be read, bool [N]."""
    out = np.zeros(len(block), bool)
    for step in block.plan.steps:
        out |= block.ran[step.index] & (block.said(step.index)["verdict"] == Verdict.MISSING)
    return out


def digest(*parts: pa.Table) -> str:
    """SHA-256 over the logical rows of tables in order: equal digests mean the same records.

    It reads columns: names and types, then for each column which cells are null and the cells that are not. Batches,
    and what lies in memory behind a null, are no part of it.
    """
    sha = hashlib.sha256()
    for table in parts:
        sha.update(f"{table.num_rows} rows of {table.schema.remove_metadata()}".encode())
        for column in table.columns:
            _absorb(sha, pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type))
    return sha.hexdigest()


def _absorb(sha: Any, cells: pa.Array) -> None:
    sha.update(np.packbits(cells.is_null().to_numpy(zero_copy_only=False)).tobytes())
    there = cells.drop_null()
    if pa.types.is_list(there.type):
        sha.update(pc.list_value_length(there).to_numpy().tobytes())
        _absorb(sha, there.flatten())
    elif pa.types.is_string(there.type):
        sha.update(pc.binary_length(there).to_numpy().tobytes())
        sha.update(b"".join(there.cast(pa.binary()).to_pylist()))
    else:
        sha.update(there.to_numpy(zero_copy_only=False).tobytes())


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write under a temporary name, sync, rename: a crash leaves either the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    pq.write_table(table, partial, compression="zstd", compression_level=1)
    with partial.open("rb") as handle:
        os.fsync(handle.fileno())
    partial.replace(path)
