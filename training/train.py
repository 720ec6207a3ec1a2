"""Fine-tuning as one plain function: no Ray, nothing written outside the output folder, and safe to call again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from constitutions.errors import InputError
from training.config import TrainSpec
from training.datasets import PreferenceRow, Row
from training.encoding import Encoded, Encoder, Example, pad_id
from training.files import data_hash, folder_hash, write_whole

if TYPE_CHECKING:
    from training.trainer import OversightTrainer

MANIFEST = "training.json"
CHECKPOINTS = "checkpoints"
EVENTS = "runs"


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a fine-tuning gave.

    Attributes:
        checkpoint: folder with weights, config and tokenizer, as `AutoModelForCausalLM.from_pretrained` reads it.
        steps: optimiser steps taken.
        rows: rows trained on; `skipped`: rows longer than `max_length`.
        log: figures as logged, oldest first: `step`, `loss` (mean since the last log), and what the method adds.
        seconds: wall time of the training loop of the process that finished it.
    """

    checkpoint: Path
    steps: int
    rows: int
    skipped: int
    log: tuple[dict[str, float], ...]
    seconds: float

    @property
    def losses(self) -> tuple[float, ...]:
        """The logged losses, oldest first."""
        return tuple(entry["loss"] for entry in self.log)


def train(
    spec: TrainSpec,
    rows: Sequence[Row],
    model_path: str | Path,
    out: Path,
    progress: Callable[[str, int, int], None] | None = None,
) -> TrainResult:
    """Fine-tune the model at `model_path` on `rows` and leave the result in `out`.

    `model_path` is a local folder or a hub id. For `sft` every row is supervised; for `dpo` there is at least one
    pair, and supervised rows may be among them: a batch is drawn from all rows alike, pairs enter the preference
    loss, and supervised rows the supervised term. The reference of DPO is the model at `model_path`.

    The work happens in `out` + `.partial`, which is renamed when complete. Called again with the same spec, data and
    model, it resumes from the last checkpoint there, or returns the finished result; on CPU, with one thread, a run
    that was killed and resumed gives the weights of one that was not.

    Raises InputError for rows that do not fit the method, for no rows that fit `max_length`, for a model path without
    weights or tokenizer, and when `out` holds another training; OversightError when the loss is not finite.
    """
    _check(spec, rows)
    key = _key(spec, rows, model_path)
    finished = _finished(out, key)
    if finished is not None:
        return finished
    partial = out.with_name(f"{out.name}.partial")
    begun = partial.exists() and any(partial.iterdir())
    if begun:
        _require_same(partial, _read_manifest(partial), key)
    with _threads(spec.threads), _no_bars():
        tokenizer = _load_tokenizer(model_path)
        encoded = _encode(spec, rows, tokenizer)
        model = _load_model(model_path)
        # Whatever the user could have got wrong is known by now; before this line nothing is written.
        if not begun:
            _write_manifest(partial, {"key": key})
        trainer = _trainer(spec, encoded.examples, model, pad_id(tokenizer), partial, progress)
        seconds = _run(trainer, partial / CHECKPOINTS)
        _save(trainer, tokenizer, spec, partial)
    return _finish(trainer, encoded, key, seconds, partial, out)


def _check(spec: TrainSpec, rows: Sequence[Row]) -> None:
    pairs = sum(isinstance(row, PreferenceRow) for row in rows)
    if spec.report_to == "tensorboard" and find_spec("tensorboard") is None:
        raise InputError("training: report_to is tensorboard, which is not installed; expected it installed, or none")
    if not rows:
        raise InputError("training: the dataset is empty; expected at least one row")
    if spec.method == "sft" and pairs:
        raise InputError(f"training: method sft got {pairs} preference pairs; expected rows with a completion")
    if spec.method == "dpo" and not pairs:
        raise InputError(
            f"training: method dpo got {len(rows)} rows and no pair; expected at least one preference pair"
        )


def _key(spec: TrainSpec, rows: Sequence[Row], model_path: str | Path) -> dict[str, Any]:
    """What makes a training this training and no other: its spec, its data and its model."""
    folder = Path(model_path)
    model = folder_hash(folder) if folder.is_dir() else str(model_path)
    return {"spec": spec.model_dump(mode="json"), "data": data_hash(rows), "model": model}


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    if old["spec"] != new["spec"]:
        return "another spec: " + ", ".join(sorted(k for k in new["spec"] if old["spec"].get(k) != new["spec"][k]))
    return "other data" if old["data"] != new["data"] else "another model"


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    path = folder / MANIFEST
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    text = json.dumps(manifest, indent=1, allow_nan=False)
    write_whole(folder / MANIFEST, lambda temporary: temporary.write_bytes(text.encode("utf-8")))


def _require_same(folder: Path, manifest: dict[str, Any] | None, key: dict[str, Any]) -> dict[str, Any]:
    expected = "expected an empty or new folder, or the same training to go on with"
    if manifest is None:
        raise InputError(f"{folder}: exists and holds no training; {expected}")
    if manifest["key"] != key:
        raise InputError(f"{folder}: holds a training with {_difference(manifest['key'], key)}; {expected}")
    return manifest


def _finished(out: Path, key: dict[str, Any]) -> TrainResult | None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    result = _require_same(out, _read_manifest(out) if out.is_dir() else None, key)["result"]
    return TrainResult(checkpoint=out, **{**result, "log": tuple(result["log"])})


def _encode(spec: TrainSpec, rows: Sequence[Row], tokenizer: Any) -> Encoded:
    encoded = Encoder(tokenizer, spec.max_length).encode(rows)
    fitting = [item for item in encoded.examples if spec.method == "sft" or item.rejected is not None]
    if not fitting:
        kind = "rows" if spec.method == "sft" else "pairs"
        raise InputError(f"training: all {kind} are longer than max_length {spec.max_length}; expected a larger one")
    return encoded


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Run with `count` torch threads, and give the caller its own number back."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _no_bars() -> Iterator[None]:
    """No bars of transformers' own while loading and saving: the caller's progress is the only one."""
    from transformers.utils import logging

    bars: Any = logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


def _load_tokenizer(model_path: str | Path) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(model_path)
    except (OSError, ValueError) as error:
        raise InputError(_no_model(model_path, "tokenizer", error)) from None


def _load_model(model_path: str | Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise InputError(_no_model(model_path, "weights", error)) from None


def _no_model(model_path: str | Path, what: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return f"{model_path}: no {what} could be loaded ({reason}); expected a Hugging Face model folder or hub id"


def _trainer(
    spec: TrainSpec,
    examples: Sequence[Example],
    model: Any,
    filler: int,
    partial: Path,
    progress: Callable[[str, int, int], None] | None,
) -> OversightTrainer:
    from transformers import set_seed

    from training.lora import adapt
    from training.objectives import objective_of
    from training.reference import fill_reference
    from training.trainer import OversightTrainer, training_arguments

    set_seed(spec.seed)
    arguments = training_arguments(spec, partial / CHECKPOINTS)
    if spec.method == "dpo":
        model.to(arguments.device)
        told = None if progress is None else (lambda done, total: progress("reference", done, total))
        fill_reference(model, examples, filler, spec.batch_size, arguments.bf16, told)
    if spec.lora is not None:
        model = adapt(model, spec.lora)
    return OversightTrainer(model, objective_of(spec), arguments, examples, filler, progress, spec.method)


def _run(trainer: OversightTrainer, checkpoints: Path) -> float:
    from training.trainer import last_checkpoint

    resume = last_checkpoint(checkpoints)
    output = trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    return float(output.metrics["train_runtime"])


def _save(trainer: OversightTrainer, tokenizer: Any, spec: TrainSpec, partial: Path) -> None:
    from training.lora import merged

    model: Any = trainer.model
    (merged(model) if spec.lora else model).save_pretrained(partial)
    tokenizer.save_pretrained(partial)


def _finish(
    trainer: OversightTrainer, encoded: Encoded, key: dict[str, Any], seconds: float, partial: Path, out: Path
) -> TrainResult:
    """Write what happened, drop the checkpoints that were for resuming, and give the folder its final name."""
    log = tuple(entry for entry in trainer.state.log_history if "loss" in entry)
    result = TrainResult(out, trainer.state.global_step, len(encoded.examples), encoded.skipped, log, seconds)
    _write_manifest(partial, {"key": key, "result": {k: v for k, v in asdict(result).items() if k != "checkpoint"}})
    if (partial / CHECKPOINTS / EVENTS).exists():
        (partial / CHECKPOINTS / EVENTS).replace(partial / EVENTS)
    shutil.rmtree(partial / CHECKPOINTS, ignore_errors=True)
    if out.exists():
        out.rmdir()
    partial.rename(out)
    return result
