"""`transformers.Trainer` with our losses, quiet, resumable, and with nothing between the data and the step."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from constitutions.errors import InputError, OversightError
from training import ranks
from training.batching import Batch, divide
from training.config import StopSpec
from training.measuring import Measure, Meter, held_out_figures
from training.objectives import Objective, StepObjective

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total); stages are `reference` (sequences) and the method's name (steps)."""

COMPLETE_MARK = "complete"
_NAMED_ROWS = 4


class OversightTrainer(Trainer):
    """Minimises an objective over encoded examples; the figures an objective gives are logged as their means.

    The batch is passed to the objective as the collator made it, so no column is removed and the model computes no
    loss of its own. Losses divide by the counts of the whole step (`training.batching.divide`), so nothing is scaled
    afterwards. Every example has a `where`, by which a batch whose loss is not finite is named.
    """

    loss_is_scaled_for_ga = True

    def __init__(
        self,
        model: Any,
        objective: Objective,
        args: TrainingArguments,
        examples: Sequence[Any],
        collator: Callable[[Sequence[tuple[int, Any]]], Batch],
        held_out: Sequence[Any] = (),
        measure: Measure | None = None,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        super().__init__(
            model=model,
            args=args,
            data_collator=collator,
            train_dataset=list(enumerate(examples)),
            eval_dataset=list(enumerate(held_out)),  # empty where only `measure` looks
            callbacks=[MarkComplete(), *callbacks],
        )
        self.remove_callback(PrinterCallback)
        self.model_accepts_loss_kwargs = False
        self.objective: Objective = objective
        self.measure = measure
        self.held_out = list(enumerate(held_out))
        self._meter = Meter()
        self._losses: list[tuple[int, Tensor, Tensor]] = []

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> tuple[list[Batch], None]:
        """The batches of one step, with what their losses divide by.

        Raises OversightError when a loss of the step before is not finite.
        """
        self._require_finite_losses()
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        divide(batches, device)
        if isinstance(self.objective, StepObjective):
            model: Any = self.model
            model.train()
            with self.compute_loss_context_manager():
                told = self.objective.prepare(model, [self._prepare_inputs(batch) for batch in batches])
            for batch in batches:
                batch.update(told)
        return batches, None

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor | Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """The objective's loss on one batch."""
        loss: Tensor
        loss, figures = self.objective(model, inputs)
        self._meter.add(figures)
        self._losses.append((self.state.global_step + 1, inputs["row_B"], loss.detach()))
        return loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the Trainer's figures together with the objective's means since the last log.

        Raises OversightError when a figure is not a finite number; checkpoints are kept.
        """
        self._require_finite_losses()
        broken = [name for name, value in logs.items() if not math.isfinite(value)]
        if broken:
            raise OversightError(
                f"training: {broken[0]} is {logs[broken[0]]} at step {self.state.global_step}; {self._kept()}"
            )
        means = self._meter.read(self.args.device) if "loss" in logs else {}
        super().log({**logs, **means}, start_time)

    def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval") -> Any:
        """Figures of the held-out rows and of `measure`, logged as `eval_NAME`.

        Raises InputError when early stopping looks at a metric that is none of them.
        """
        model: Any = self.model
        model.eval()
        found: dict[str, float] = {}
        if self.held_out:
            size = self.args.per_device_train_batch_size
            parts = (self.held_out[i : i + size] for i in range(0, len(self.held_out), size))
            collate: Any = self.data_collator
            batches = (collate(part) for part in parts)
            with self.compute_loss_context_manager():
                found |= held_out_figures(model, self.objective, batches, self._prepare_inputs)
        if self.measure is not None:
            with torch.no_grad():
                found |= {name: float(value) for name, value in self.measure(model).items()}
        model.train()
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in found.items()}
        wanted = self.args.metric_for_best_model
        if wanted and wanted not in metrics:
            raise InputError(
                f"training: stop.metric {wanted.removeprefix('eval_')!r} is not measured; accepted: {', '.join(found)}"
            )
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        self.require_finite()
        super()._save_checkpoint(model, trial)

    def require_finite(self) -> None:
        """Raise OversightError when the last loss or a trained weight is not finite: such weights are never saved."""
        self._require_finite_losses()
        model: Any = self.model
        for name, weight in model.named_parameters():
            if weight.requires_grad and not bool(weight.isfinite().all()):
                raise OversightError(
                    f"training: weight {name} is not finite after step {self.state.global_step}; {self._kept()}"
                )

    def _require_finite_losses(self) -> None:
        """Look at the losses of the last step, on all processes, so that all of them stop or none."""
        read, self._losses = self._losses, []
        broken = [(step, rows, value) for step, rows, loss in read if not math.isfinite(value := loss.item())]
        if not ranks.total([len(broken)], self.args.device)[0]:
            return
        said = next(s for s in ranks.gathered([self._named(*each) for each in broken]) if s)[0]
        raise OversightError(f"training: {said}; {self._kept()}")

    def _named(self, step: int, row_B: Tensor, value: float) -> str:
        data: Any = self.train_dataset
        rows = [int(row) for row in row_B.tolist()]
        named = ", ".join(data[row][1].where or f"row {row}" for row in rows[:_NAMED_ROWS])
        more = f" and {len(rows) - _NAMED_ROWS} more" if len(rows) > _NAMED_ROWS else ""
        return f"loss is {value} in step {step}, in the batch of {named}{more}"

    def _kept(self) -> str:
        last = last_checkpoint(Path(str(self.args.output_dir)))
        kept = f"the checkpoint of step {step_of(last)} is kept" if last else "no checkpoint had been saved"
        return f"{kept}; look at these rows, or try a lower learning_rate"


class MarkComplete(TrainerCallback):
    """Marks a checkpoint once all its files are written, so that a run killed while saving never resumes from it."""

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Write the mark into the checkpoint of this step."""
        if state.is_world_process_zero:
            (Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}" / COMPLETE_MARK).touch()


class ReportSteps(TrainerCallback):
    """Tells a `Progress` how many steps are done."""

    def __init__(self, progress: Progress, stage: str) -> None:
        self.progress = progress
        self.stage = stage

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Report the step that ended."""
        self.progress(self.stage, state.global_step, state.max_steps)


def stopper(spec: StopSpec) -> TrainerCallback:
    """Ends training after `patience` measurements without a better one."""
    return EarlyStoppingCallback(early_stopping_patience=spec.patience)


def step_of(checkpoint: Path) -> int:
    """The step a checkpoint was saved at."""
    return int(checkpoint.name.rpartition("-")[2])


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint of `folder`."""
    complete = [path for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if (path / COMPLETE_MARK).exists()]
    return max(complete, key=step_of, default=None)


def remove_torn(folder: Path) -> None:
    """Remove the checkpoints that a killed run left half-written."""
    for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        if not (path / COMPLETE_MARK).exists():
            shutil.rmtree(path)
