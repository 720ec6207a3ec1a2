"""Rows as lines of JSON, column by column; what many rows share (arm, steps, verdicts) is put in JSON once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby, islice
from json.encoder import encode_basestring as text
from math import isfinite
from operator import attrgetter
from typing import Any

from agents.records import Message
from training.datasets.rows import PreferenceRow, Row, SftRow, UnpairedRow

Cells = Callable[[Sequence[Any]], Iterable[str]]
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False)
_SOME = 256  # rows at a time, so that an iterator of rows is never held whole
_shared = lru_cache(4096)(text)


def lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """The rows in UTF-8, many lines at a time; a line is `json.dumps(row.to_dict(), ensure_ascii=False)`.

    Raises ValueError for a number that is not finite.
    """
    for kind, alike in groupby(rows, type):
        while some := list(islice(alike, _SOME)):
            yield "\n".join([*_ROWS[kind](some), ""]).encode()


def number(value: float) -> str:
    """A number in JSON. Raises ValueError for one that JSON has not."""
    if not isfinite(value):
        raise ValueError(f"{value} is not JSON compliant; expected a finite number")
    return f"{value}"


def _conversation(messages: Sequence[Message]) -> str:
    return "[" + ", ".join([f'{{"role": {_shared(role)}, "content": {text(said)}}}' for role, said in messages]) + "]"


@lru_cache(4096)
def _texts(values: tuple[str, ...]) -> str:
    return _ENCODER.encode(values)


@lru_cache(4096)
def _verdicts(values: tuple[tuple[str, str], ...]) -> str:
    return _ENCODER.encode([{"step": step, "verdict": verdict} for step, verdict in values])


def _each(encode: Callable[[Any], str]) -> Cells:
    return lambda values: map(encode, values)


def _objects(fields: Mapping[str, Cells]) -> Cells:
    """Objects with these attributes, which are the keys in JSON, in this order."""
    form = "{" + ", ".join(f'"{name}": %s' for name in fields) + "}"

    def made(values: Sequence[Any]) -> Iterator[str]:
        columns = [cells(list(map(attrgetter(name), values))) for name, cells in fields.items()]
        return map(form.__mod__, zip(*columns, strict=True))

    return made


_TALK, _NUMBER, _TRUTH = _each(_conversation), _each(number), _each(("false", "true").__getitem__)
_SHARE = _each(lru_cache(4096)(number))  # weights and shares of a panel: few are different
_NAME, _TEXT = _each(_shared), _each(text)
_LINEAGE = _objects(
    {
        "run": _NAME,
        "arm": _NAME,
        "case_id": _TEXT,
        "steps": _each(_texts),
        "principles": _each(_texts),
        "verdicts": _each(_verdicts),
        "outcome": _NAME,
        "agreement": _SHARE,
        "audited": _TRUTH,
        "weight": _SHARE,
        "layer": _NAME,
        "epoch": _NUMBER,
        "stale": _TRUTH,
        "decision": _NAME,
        "step": _NAME,
    }
)
_ROWS: dict[type[Row], Cells] = {
    SftRow: _objects({"prompt": _TALK, "completion": _TALK, "weight": _SHARE, "lineage": _LINEAGE}),
    PreferenceRow: _objects(
        {
            "prompt": _TALK,
            "chosen": _TALK,
            "rejected": _TALK,
            "margin": _NUMBER,
            "weight": _SHARE,
            "soft_label": _NUMBER,
            "lineage": _LINEAGE,
        }
    ),
    UnpairedRow: _objects(
        {"prompt": _TALK, "completion": _TALK, "label": _TRUTH, "weight": _SHARE, "lineage": _LINEAGE}
    ),
}
