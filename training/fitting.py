"""Which rows fit which method, told before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from constitutions.errors import InputError
from training.config import TrainSpec
from training.datasets import PreferenceRow, Row, SftRow, UnpairedRow
from training.stale import current

_KINDS: dict[str, tuple[type[Row], ...]] = {
    "sft": (SftRow,),
    "dpo": (PreferenceRow, SftRow),
    "ipo": (PreferenceRow, SftRow),
    "kto": (UnpairedRow, PreferenceRow, SftRow),
    "reward": (PreferenceRow,),
}
_NAMES: dict[type[Row], str] = {
    SftRow: "supervised rows",
    PreferenceRow: "preference pairs",
    UnpairedRow: "unpaired rows",
}


def check_rows(spec: TrainSpec, rows: Sequence[Row], held_out: Sequence[Row], measured: bool) -> None:
    """Raise InputError for rows that the spec's method cannot learn from, for none, and for what else they lack.

    `measured`: whether early stopping has a function that measures the model, and needs no held-out rows.
    """
    if not current(rows):
        stale = f": all {len(rows)} rows are stale, from decisions under appeal" if rows else ""
        raise InputError(f"training: the dataset is empty{stale}; expected at least one row")
    fitting = _KINDS[spec.method]
    for row in (*rows, *held_out):
        if not isinstance(row, fitting):
            kind = type(row)
            count = sum(isinstance(other, kind) for other in (*rows, *held_out))
            accepted = " or ".join(_NAMES[each] for each in fitting)
            raise InputError(f"training: method {spec.method} got {count} {_NAMES[kind]}; expected {accepted}")
    if spec.method in ("dpo", "ipo") and not any(isinstance(row, PreferenceRow) for row in current(rows)):
        raise InputError(
            f"training: method {spec.method} got {len(rows)} rows and no pair; expected at least one preference pair"
        )
    if spec.stop and not held_out and not measured:
        raise InputError("training: stop needs held-out data; expected held_out rows, or no stop")
    if spec.lora and spec.lora.quantised and find_spec("bitsandbytes") is None:
        raise InputError(
            "training: lora.quantised needs the package bitsandbytes, which is not installed; expected it installed, "
            "or quantised: false"
        )
