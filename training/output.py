"""What a fine-tuning leaves on disk: a folder with a manifest that says which training it holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from constitutions.errors import InputError
from training.config import TrainSpec
from training.datasets import Row
from training.files import data_hash, folder_hash
from training.whole import write_whole

MANIFEST = "training.json"


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a fine-tuning gave.

    Attributes:
        checkpoint: folder with weights, config and tokenizer, as `AutoModelForCausalLM.from_pretrained` reads it (a
            reward model: `AutoModelForSequenceClassification`).
        steps: optimiser steps taken; `best_step`: the step whose weights were kept, with early stopping.
        rows: rows trained on; `skipped`: rows longer than `max_length`.
        log: figures as logged, oldest first: `step`, `loss` (mean since the last log), and what the method adds.
        held_out: figures of held-out data, oldest first: `step`, and the measured ones, each as `eval_NAME`.
        notes: what a person should know: a missing pad token, rows that were left out.
        seconds: wall time of the training loop of the process that finished it.
    """

    checkpoint: Path
    steps: int
    best_step: int | None
    rows: int
    skipped: int
    log: tuple[dict[str, float], ...]
    held_out: tuple[dict[str, float], ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def losses(self) -> tuple[float, ...]:
        """The logged losses, oldest first."""
        return tuple(entry["loss"] for entry in self.log)


def training_key(
    spec: TrainSpec, rows: Sequence[Row], held_out: Sequence[Row], model_path: str | Path
) -> dict[str, Any]:
    """What makes a training this training and no other: its spec, its data and its model."""
    folder = Path(model_path)
    model = folder_hash(folder) if folder.is_dir() else str(model_path)
    key = {"spec": spec.model_dump(mode="json"), "data": data_hash(rows), "model": model}
    return key | ({"held_out": data_hash(held_out)} if held_out else {})


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a training's folder; None without one."""
    path = folder / MANIFEST
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest whole."""
    text = json.dumps(manifest, indent=1, allow_nan=False)
    write_whole(folder / MANIFEST, lambda temporary: temporary.write_bytes(text.encode("utf-8")))


def require_same(folder: Path, manifest: dict[str, Any] | None, key: dict[str, Any]) -> dict[str, Any]:
    """The manifest, if it is of the training `key`; an InputError that names the difference otherwise."""
    expected = "expected an empty or new folder, or the same training to go on with"
    if manifest is None:
        raise InputError(f"{folder}: exists and holds no training; {expected}")
    if manifest["key"] != key:
        raise InputError(f"{folder}: holds a training with {_difference(manifest['key'], key)}; {expected}")
    return manifest


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    if old["spec"] != new["spec"]:
        return "another spec: " + ", ".join(sorted(k for k in new["spec"] if old["spec"].get(k) != new["spec"][k]))
    if old["model"] != new["model"]:
        return "another model"
    return "other data" if old["data"] != new["data"] else "other held-out data"


def finished(out: Path, key: dict[str, Any]) -> TrainResult | None:
    """The result that `out` holds already; None for a new or empty folder. InputError where it holds another one."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    found = require_same(out, read_manifest(out) if out.is_dir() else None, key)["result"]
    lists = {name: tuple(found[name]) for name in ("log", "held_out", "notes")}
    return TrainResult(checkpoint=out, **(found | lists))


def finish(result: TrainResult, key: dict[str, Any], partial: Path) -> None:
    """Complete the manifest in `partial` and give the folder its final name, `result.checkpoint`."""
    write_manifest(partial, {"key": key, "result": {k: v for k, v in asdict(result).items() if k != "checkpoint"}})
    if result.checkpoint.exists():
        result.checkpoint.rmdir()
    partial.rename(result.checkpoint)
