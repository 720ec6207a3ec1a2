"""Rows as an Arrow table, column by column, with a schema that does not depend on which lists happen to be empty."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any

import pyarrow as pa

from agents.records import Message
from training.datasets.rows import PreferenceRow, Row, SftRow, UnpairedRow
from training.lineage import Lineage

CONVERSATION = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
TEXTS = pa.list_(pa.string())
VERDICTS = pa.list_(pa.struct([("step", pa.string()), ("verdict", pa.string())]))
LINEAGE: dict[str, pa.DataType] = {
    "run": pa.string(),
    "arm": pa.string(),
    "case_id": pa.string(),
    "steps": TEXTS,
    "principles": TEXTS,
    "verdicts": VERDICTS,
    "outcome": pa.string(),
    "agreement": pa.float64(),
    "audited": pa.bool_(),
    "weight": pa.float64(),
    "layer": pa.string(),
    "epoch": pa.int32(),
    "stale": pa.bool_(),
    "decision": pa.string(),
    "step": pa.string(),
}
_PLAIN: dict[type[Row], dict[str, pa.DataType]] = {
    SftRow: {"prompt": CONVERSATION, "completion": CONVERSATION, "weight": pa.float64()},
    PreferenceRow: {
        "prompt": CONVERSATION,
        "chosen": CONVERSATION,
        "rejected": CONVERSATION,
        "margin": pa.float64(),
        "weight": pa.float64(),
        "soft_label": pa.float64(),
    },
    UnpairedRow: {
        "prompt": CONVERSATION,
        "completion": CONVERSATION,
        "label": pa.bool_(),
        "weight": pa.float64(),
    },
}


def table(rows: Sequence[Row]) -> pa.Table:
    """Rows of one kind, at least one of them, in order; equal to `[row.to_dict() for row in rows]`."""
    columns = {name: _column([getattr(row, name) for row in rows], t) for name, t in _PLAIN[type(rows[0])].items()}
    lineages = [row.lineage for row in rows]
    return pa.table({**columns, "lineage": _lineage(lineages)})


def _lineage(lineages: Sequence[Lineage]) -> pa.Array:
    cells = [_column(list(map(attrgetter(name), lineages)), kind) for name, kind in LINEAGE.items()]
    return pa.StructArray.from_arrays(cells, fields=[pa.field(name, kind) for name, kind in LINEAGE.items()])


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    maker = _NESTED.get(kind)
    return pa.array(values, kind) if maker is None else maker(values)


def _lists(values: Sequence[Sequence[Any]], cells: pa.Array, kind: pa.DataType) -> pa.Array:
    offsets = pa.array([0, *accumulate(map(len, values))], pa.int32())
    return pa.ListArray.from_arrays(offsets, cells, type=kind)


def _texts(values: Sequence[Sequence[str]]) -> pa.Array:
    return _lists(values, pa.array(list(chain.from_iterable(values)), pa.string()), TEXTS)


def _pairs(kind: pa.DataType) -> Callable[[Sequence[Sequence[tuple[str, str]]]], pa.Array]:
    """Lists of two texts each, as lists of structs with two fields."""

    def made(values: Sequence[Sequence[Message | tuple[str, str]]]) -> pa.Array:
        flat: Iterable[tuple[str, ...]] = zip(*chain.from_iterable(values), strict=True)
        sides = [pa.array(side, pa.string()) for side in flat] or [pa.array([], pa.string())] * 2
        return _lists(values, pa.StructArray.from_arrays(sides, fields=list(kind.value_type)), kind)

    return made


_NESTED: dict[pa.DataType, Callable[[Sequence[Any]], pa.Array]] = {
    TEXTS: _texts,
    CONVERSATION: _pairs(CONVERSATION),
    VERDICTS: _pairs(VERDICTS),
}
