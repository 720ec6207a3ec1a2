"""Records: the rows of a finished block as Arrow tables, visible and hidden apart, and the hash that says "the same".

A row is one (arm, case, step instance, candidate). Times, process ids and file boundaries are no part of it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from agents.columns import COLUMNS, Column, Level
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
_FINDINGS = ("asked", "present", "flag", "severity", "confidence")


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
    counts = [(name, pa.int64()) for name in ("calls", "tokens")]
    texts = [(name, pa.string()) for name in ("arm", "case_id", "outcome", "final")]
    return pa.schema([*texts, *flags, ("minutes", pa.float64()), *counts])


def tables(arm: str, block: Block) -> tuple[pa.Table, pa.Table]:
    """(visible, hidden) rows of the block, sorted by case, step and candidate."""
    parts = [(step, np.flatnonzero(block.ran[step.index])) for step in block.plan.steps]
    out = []
    for hidden in (False, True):
        rows = [
            _part(arm, block, step, rows, k, hidden) for step, rows in parts for k in _candidates(block, step, rows)
        ]
        table = pa.concat_tables(rows) if rows else schema(hidden).empty_table()
        out.append(table.sort_by([(name, "ascending") for name, _ in KEYS]))
    return out[0], out[1]


def _candidates(block: Block, step: PlannedStep, rows: Ints) -> range:
    if not len(rows):
        return range(0)
    return range(1 if step.role is Role.JUDGE else block.width(step).candidates)


def _part(arm: str, block: Block, step: PlannedStep, rows: Ints, k: int, hidden: bool) -> pa.Table:
    said = block.said(step.index)
    n = len(rows)
    values: dict[str, Any] = {
        "arm": np.full(n, arm, object),
        "case_id": block.cases.case_id_N[rows],
        "step": np.full(n, step.name, object),
        "candidate": np.full(n, k, np.int16),
    }
    if hidden:
        values["principles"] = [list(step.principles) if "finding_flag" in said.columns else None] * n
    else:
        labels = np.array([*block.plan.graph.labels, None], object)
        values["role"] = np.full(n, step.role.value, object)
        values["agent"] = np.full(n, step.step.agent, object)
        values["verdict"] = VERDICT_TEXT[said["verdict"][rows]]
        values["label"] = labels[said["label"][rows]] if "label" in said.columns else np.full(n, None, object)
    own = {c.name: c for c in COLUMNS[step.role]}
    for name in _declared(hidden):
        values[name] = _cells(own[name], said[name], rows, k, said) if name in own else [None] * n
    shape = schema(hidden)
    return pa.table({field.name: pa.array(values[field.name], field.type) for field in shape}, schema=shape)


def _cells(column: Column, values: Any, rows: Ints, k: int, said: Any) -> Any:
    match column.level:
        case Level.CASE:
            return [None if x is None or x != x else x for x in values[rows].tolist()]
        case Level.CANDIDATE:
            return values[rows, k]
        case Level.OPTION:
            return [[None if x != x else x for x in row] for row in values[rows].tolist()]
        case Level.FINDING:
            cells = values[rows, k].tolist()
            if column.name in ("finding_asked", "finding_present"):
                return cells
            present = said["finding_present"][rows, k].tolist()
            return [[x if p else None for x, p in zip(a, b, strict=True)] for a, b in zip(cells, present, strict=True)]


def case_table(arm: str, block: Block) -> pa.Table:
    """One row per case: outcome, what the user gets, whether it was escalated, audited, left unreviewed, and cost."""
    outcome = block.outcomes()
    names = np.array([o.name.lower() for o in CaseOutcome], object)
    audited, unreviewed, minutes = audits(block)
    order = np.argsort(block.cases.case_id_N.astype(str), kind="stable")
    columns = {
        "arm": [arm] * len(block),
        "case_id": block.cases.case_id_N,
        "outcome": names[outcome],
        "final": finals(block),
        "escalated": audited | unreviewed | (block.parked >= 0),
        "audited": audited,
        "unreviewed": unreviewed,
        "minutes": minutes,
        "calls": total(block, "calls"),
        "tokens": total(block, "tokens"),
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


def total(block: Block, name: str) -> Any:
    """Sum of a cost column (`calls` or `tokens`) over the steps that ran, int64 [N]."""
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
    """SHA-256 over the logical rows of tables in order: equal digests mean the same records."""
    sha = hashlib.sha256()
    for table in parts:
        for row in _plain(table):
            sha.update(row)
    return sha.hexdigest()


def _plain(table: pa.Table) -> Iterator[bytes]:
    for batch in table.to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            yield json.dumps(row, sort_keys=True).encode() + b"\n"


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write under a temporary name, sync, rename: a crash leaves either the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    pq.write_table(table, partial, compression="zstd", compression_level=1)
    with partial.open("rb") as handle:
        os.fsync(handle.fileno())
    partial.replace(path)
