"""`transformers.Trainer` with our losses, quiet, resumable, and with nothing between the data and the step."""

from __future__ import annotations

import math
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from constitutions.errors import OversightError
from training.config import TrainSpec
from training.encoding import Collator, Example
from training.objectives import Objective

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total); stages are `reference` (sequences) and the method's name (steps)."""

COMPLETE_MARK = "complete"


class OversightTrainer(Trainer):
    """Minimises an objective over encoded examples; the figures an objective gives are logged as their means.

    The batch is passed to the objective as the collator made it, so no column is removed and the model computes no
    loss of its own.
    """

    # Our losses are means over the batch, so Trainer must divide by the number of accumulated batches.
    loss_is_scaled_for_ga = False

    def __init__(
        self,
        model: Any,
        objective: Objective,
        args: TrainingArguments,
        examples: Sequence[Example],
        filler: int,
        progress: Progress | None = None,
        stage: str = "train",
    ) -> None:
        callbacks: list[TrainerCallback] = [MarkComplete()]
        if progress is not None:
            callbacks.append(ReportSteps(progress, stage))
        super().__init__(
            model=model,
            args=args,
            data_collator=Collator(filler),
            train_dataset=list(examples),
            callbacks=callbacks,
        )
        self.remove_callback(PrinterCallback)
        self.model_accepts_loss_kwargs = False
        self.objective: Objective = objective
        self._figures: defaultdict[str, list[Tensor]] = defaultdict(list)

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
        for name, value in figures.items():
            self._figures[name].append(value)
        return loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the Trainer's figures together with the objective's means since the last log.

        Raises OversightError when the loss or another figure is not a finite number; checkpoints are kept.
        """
        broken = [name for name, value in logs.items() if not math.isfinite(value)]
        if broken:
            raise OversightError(
                f"training: {broken[0]} is {logs[broken[0]]} at step {self.state.global_step}; nothing was saved since "
                "the last checkpoint; a lower learning_rate may help"
            )
        means = {name: torch.stack(values).mean().item() for name, values in self._figures.items()}
        self._figures.clear()
        super().log({**logs, **means}, start_time)


class MarkComplete(TrainerCallback):
    """Marks a checkpoint once all its files are written, so that a run killed while saving never resumes from it."""

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Write the mark into the checkpoint of this step."""
        (Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}" / COMPLETE_MARK).touch()


class ReportSteps(TrainerCallback):
    """Tells a `Progress` how many steps are done."""

    def __init__(self, progress: Progress, stage: str) -> None:
        self.progress = progress
        self.stage = stage

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Report the step that ended."""
        self.progress(self.stage, state.global_step, state.max_steps)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint of `folder`; those that a killed run left half-written are removed."""
    newest: tuple[int, Path] | None = None
    for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        if not (path / COMPLETE_MARK).exists():
            shutil.rmtree(path)
            continue
        step = int(path.name.rpartition("-")[2])
        if newest is None or step > newest[0]:
            newest = (step, path)
    return newest[1] if newest else None


def training_arguments(spec: TrainSpec, folder: Path) -> TrainingArguments:
    """The Trainer's settings for a spec, with checkpoints in `folder`: bfloat16 on a GPU, float32 on CPU."""
    gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=spec.batch_size,
        num_train_epochs=spec.epochs,
        max_steps=-1 if spec.max_steps is None else spec.max_steps,
        learning_rate=spec.learning_rate,
        lr_scheduler_type=spec.scheduler,
        warmup_steps=spec.warmup,
        weight_decay=spec.weight_decay,
        max_grad_norm=spec.max_grad_norm,
        bf16=gpu and torch.cuda.is_bf16_supported(),
        use_cpu=not gpu,
        seed=spec.seed,
        data_seed=spec.seed,
        logging_strategy="steps",
        logging_steps=spec.log_steps,
        logging_nan_inf_filter=False,
        save_strategy="no" if spec.save_steps is None else "steps",
        save_steps=spec.save_steps or 500,
        save_total_limit=spec.save_total_limit,
        report_to=spec.report_to,
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=gpu,
    )
