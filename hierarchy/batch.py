"""Batches: what one step instance said about some cases, in columns, as agents give it and as the journal keeps it.

A stored batch is an Arrow IPC stream (Apache Arrow columnar format), so any Arrow library reads it. Text is kept as
bytes (UTF-8 with surrogates passed through), because hostile text may hold lone surrogates, which Arrow text cannot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from agents import rng
from agents.columns import Array, Output
from agents.view import Objects, objects
from agents.vocabulary import Role

_OPTIONS = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", 1), use_threads=False)


@dataclass(frozen=True)
class Batch:
    """n new rows of the journal: one step instance (its round included) of one arm.

    Attributes:
        case_id_N: the cases.
        hash_N: uint64 hashes of everything the step could read of each.
        output: what it said.
        epoch: 0; a decision after an appeal has the appeal's, and stands in place of those of older ones.
    """

    arm: str
    step: str
    case_id_N: Objects
    hash_N: rng.Keys
    output: Output
    epoch: int = 0

    def __len__(self) -> int:
        return len(self.case_id_N)

    def take(self, rows: Array) -> Batch:
        """The given rows (indices or mask)."""
        return Batch(self.arm, self.step, self.case_id_N[rows], self.hash_N[rows], self.output.take(rows), self.epoch)


@dataclass(frozen=True)
class Stored:
    """A batch as the journal has it. The keys are read at once, the output when it is asked for."""

    arm: str
    step: str
    head: bytes
    body: bytes
    epoch: int = 0

    @classmethod
    def of(cls, batch: Batch) -> Stored:
        """Encode a batch."""
        head = _pack({"case_id": batch.case_id_N, "input_hash": batch.hash_N})
        body = _pack(batch.output.columns, role=batch.output.role.value)
        return cls(batch.arm, batch.step, head, body, batch.epoch)

    @cached_property
    def _key_columns(self) -> dict[str, Array]:
        return _unpack(self.head)[0]

    @property
    def case_id_N(self) -> Objects:
        """The cases."""
        return self._key_columns["case_id"]

    @property
    def hash_N(self) -> rng.Keys:
        """The input hashes."""
        return self._key_columns["input_hash"]

    @cached_property
    def output(self) -> Output:
        """What the step said; exactly what was recorded."""
        columns, told = _unpack(self.body)
        return Output(Role(told["role"]), columns)

    def take(self, rows: Array) -> Batch:
        """The given rows (indices or mask)."""
        return Batch(self.arm, self.step, self.case_id_N[rows], self.hash_N[rows], self.output.take(rows), self.epoch)


def _pack(columns: Mapping[str, Array], **told: str) -> bytes:
    """Columns (first axis n) as one Arrow stream: a column of m cells a row is a list of fixed size m."""
    arrays = [_arrow(column) for column in columns.values()]
    shapes = {name: column.shape[1:] for name, column in columns.items()}
    about = {"shapes": json.dumps(shapes), **told}
    schema = pa.schema(
        [pa.field(name, array.type) for name, array in zip(columns, arrays, strict=True)], metadata=about
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=_OPTIONS) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _arrow(column: Array) -> pa.Array:
    flat = column.ravel()
    values = _bytes(flat) if flat.dtype == object else pa.array(flat)
    if column.ndim == 1:
        return values
    return pa.FixedSizeListArray.from_arrays(values, int(np.prod(column.shape[1:])))


def _unpack(packed: bytes) -> tuple[dict[str, Array], dict[str, str]]:
    """The inverse of `_pack`: columns, and what was told about them."""
    table = pa.ipc.open_stream(packed).read_all().combine_chunks()
    told = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    shapes = json.loads(told.pop("shapes"))
    return {name: _numpy(table[name].chunk(0), shapes[name]) for name in table.column_names}, told


def _numpy(values: pa.Array, shape: Sequence[int]) -> Array:
    count = len(values)
    flat = values.flatten() if pa.types.is_fixed_size_list(values.type) else values
    if pa.types.is_binary(flat.type):
        return _texts(flat).reshape(count, *shape)
    return np.array(flat.to_numpy(zero_copy_only=False)).reshape(count, *shape)


def _bytes(texts: Objects) -> pa.Array:
    try:
        return pa.array(texts, pa.string()).cast(pa.binary())
    except UnicodeEncodeError:  # a lone surrogate
        return pa.array([None if x is None else x.encode("utf-8", "surrogatepass") for x in texts], pa.binary())


def _texts(values: pa.Array) -> Objects:
    try:
        return objects(values.cast(pa.string()).to_pylist())
    except pa.ArrowInvalid:  # a lone surrogate
        return objects([None if x is None else x.decode("utf-8", "surrogatepass") for x in values.to_pylist()])
