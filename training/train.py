"""Fine-tuning as one plain function: no Ray, nothing written outside the output folder, and safe to call again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from constitutions.errors import InputError
from training.config import TrainSpec
from training.datasets import Row
from training.fitting import check_rows
from training.output import (
    TrainResult,
    finish,
    finished,
    read_manifest,
    require_same,
    training_key,
    write_manifest,
)
from training.stale import current

if TYPE_CHECKING:
    from transformers import TrainingArguments

    from training.prepared import Prepared
    from training.trainer import OversightTrainer

CHECKPOINTS = "checkpoints"
EVENTS = "runs"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What early stopping looks at: rows that are not learnt, and a function that measures the model itself.

    `measure` is called with the model in evaluation mode and gives figures by name; an oracle comes in this way.
    """

    rows: Sequence[Row] = ()
    measure: Callable[[Any], Mapping[str, float]] | None = None


def train(
    spec: TrainSpec,
    rows: Sequence[Row],
    model_path: str | Path,
    out: Path,
    progress: Callable[[str, int, int], None] | None = None,
    held_out: HeldOut | None = None,
) -> TrainResult:
    """Fine-tune the model at `model_path` on `rows` and leave the result in `out`.

    `model_path` is a local folder or a hub id. For `sft` every row is supervised; for `dpo` and `ipo` there is at
    least one pair, and supervised rows may be among them: a batch is drawn from all rows alike, pairs enter the
    preference loss, and supervised rows the supervised term. The reference of dpo, ipo and kto is the model at
    `model_path`. `reward` makes a reward model of it, from pairs.

    The work happens in `out` + `.partial`, which is renamed when complete. Called again with the same spec, data and
    model, it resumes from the last checkpoint there, or returns the finished result; on CPU, with one thread, a run
    that was killed and resumed gives the weights of one that was not. Under `torchrun` or Ray Train every process
    calls it with the same arguments; the steps are those of one process, and the first process writes.

    Rows that are marked stale (an appeal waits) are left out. Raises InputError for rows that do not fit the method,
    for no rows that fit `max_length`, for a model path without weights or tokenizer, and when `out` holds another
    training; OversightError when the loss is not finite, naming the batch, with the last good checkpoint kept.
    """
    held_out = held_out or HeldOut()
    key = check(spec, rows, model_path, out, held_out)
    if (done := finished(out, key)) is not None:
        return done
    _carry_out(spec, rows, model_path, out, progress, held_out, key)
    if (result := finished(out, key)) is None:
        raise InputError(f"{out}: another process renamed or removed it; expected the folder to stay")
    return result


def _carry_out(
    spec: TrainSpec,
    rows: Sequence[Row],
    model_path: str | Path,
    out: Path,
    progress: Callable[[str, int, int], None] | None,
    held_out: HeldOut,
    key: dict[str, Any],
) -> None:
    """Train from the last checkpoint, if there is one, to the end, and give the folder its final name."""
    partial = _partial(out)
    # torch takes seconds to import; what is wrong with the arguments is told before.
    from training import ranks
    from training.arguments import training_arguments
    from training.loading import quiet
    from training.prepared import prepare

    with _threads(spec.threads), quiet():
        arguments = training_arguments(spec, partial / CHECKPOINTS)
        ranks.wait()  # until all processes have seen the folders as they were
        prepared = prepare(spec, current(rows), current(held_out.rows), model_path)
        # Whatever the user could have got wrong is known by now; before this line nothing is written.
        if ranks.is_first() and read_manifest(partial) is None:
            write_manifest(partial, {"key": key})
        trainer = _trainer(spec, prepared, held_out, arguments, progress if ranks.is_first() else None)
        seconds = _run(trainer, partial / CHECKPOINTS)
        if ranks.is_first():
            _save(trainer, prepared, spec, model_path, partial)
            notes = _stale_note(rows) + prepared.notes
            finish(_result(trainer, prepared, spec, seconds, out, notes), key, partial)
        ranks.wait()


def check(spec: TrainSpec, rows: Sequence[Row], model_path: str | Path, out: Path, held_out: HeldOut) -> dict[str, Any]:
    """Raise InputError for what is wrong with the arguments of `train` and can be seen without loading the model.

    Gives the training's key. Nothing is written.
    """
    check_rows(spec, rows, held_out.rows, held_out.measure is not None)
    key = training_key(spec, current(rows), current(held_out.rows), model_path)
    for folder in (out, _partial(out)):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            require_same(folder, read_manifest(folder) if folder.is_dir() else None, key)
    return key


def _partial(out: Path) -> Path:
    return out.with_name(f"{out.name}.partial")


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


def _trainer(
    spec: TrainSpec,
    prepared: Prepared,
    held_out: HeldOut,
    arguments: TrainingArguments,
    progress: Callable[[str, int, int], None] | None,
) -> OversightTrainer:
    from transformers import TrainerCallback, set_seed

    from training.learner import learner, read_first
    from training.objectives import objective_of
    from training.trainer import OversightTrainer, ReportSteps, stopper

    read_first(spec, prepared, arguments, progress)
    set_seed(spec.seed)
    model = learner(spec, prepared)
    callbacks: list[TrainerCallback] = [ReportSteps(progress, spec.method)] if progress is not None else []
    if spec.stop:
        callbacks.append(stopper(spec.stop))
    return OversightTrainer(
        model,
        objective_of(spec),
        arguments,
        prepared.examples,
        prepared.collator,
        prepared.held_out,
        held_out.measure,
        callbacks,
    )


def _run(trainer: OversightTrainer, checkpoints: Path) -> float:
    from training import ranks
    from training.trainer import last_checkpoint, remove_torn

    if ranks.is_first():
        remove_torn(checkpoints)
    ranks.wait()
    resume = last_checkpoint(checkpoints)
    output = trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    trainer.require_finite()
    return float(output.metrics["train_runtime"])


def _save(
    trainer: OversightTrainer, prepared: Prepared, spec: TrainSpec, model_path: str | Path, partial: Path
) -> None:
    """The model and its tokenizer as an ordinary checkpoint; what was only for resuming is dropped."""
    from training.lora import merged

    model: Any = trainer.model
    (merged(model, spec, model_path, partial) if spec.lora else model).save_pretrained(partial)
    if spec.cartridge is not None:
        (partial / "README.md").unlink(missing_ok=True)  # peft's form for a model card, with nothing filled in
    prepared.tokenizer.save_pretrained(partial)
    if (partial / CHECKPOINTS / EVENTS).exists():
        (partial / CHECKPOINTS / EVENTS).replace(partial / EVENTS)
    shutil.rmtree(partial / CHECKPOINTS, ignore_errors=True)


def _stale_note(rows: Sequence[Row]) -> tuple[str, ...]:
    stale = len(rows) - len(current(rows))
    return (f"{stale} rows are stale, from decisions under appeal, and were left out",) if stale else ()


def _result(
    trainer: OversightTrainer, prepared: Prepared, spec: TrainSpec, seconds: float, out: Path, notes: tuple[str, ...]
) -> TrainResult:
    history = trainer.state.log_history
    return TrainResult(
        checkpoint=out,
        steps=trainer.state.global_step,
        best_step=trainer.state.best_global_step if spec.stop else None,
        rows=prepared.rows,
        skipped=prepared.skipped,
        log=tuple(entry for entry in history if "loss" in entry),
        held_out=tuple(entry for entry in history if any(name.startswith("eval_") for name in entry)),
        notes=notes,
        seconds=seconds,
    )
