"""A spec as the Trainer's own settings."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from constitutions.errors import InputError
from training import ranks
from training.config import TrainSpec


def shares(spec: TrainSpec) -> tuple[int, int]:
    """(rows a process reads at once, how often in a step). Raises InputError where a step cannot be shared evenly."""
    processes = ranks.world()
    micro = spec.micro_batch or max(spec.batch_size // processes, 1)
    often, left = divmod(spec.batch_size, micro * processes)
    if left or not often:
        raise InputError(
            f"training: batch_size {spec.batch_size} cannot be shared by {processes} processes that read {micro} rows "
            f"at once; expected a multiple of {micro * processes}"
        )
    return micro, often


def reporters(spec: TrainSpec) -> list[str]:
    """TensorBoard whenever it is installed, and what the spec names. Raises InputError for one that is not there."""
    for name in spec.report_to:
        if find_spec(name) is None:
            raise InputError(f"training: report_to is {name}, which is not installed; expected it installed, or none")
    return [*(["tensorboard"] if find_spec("tensorboard") else []), *spec.report_to]


def training_arguments(spec: TrainSpec, folder: Path) -> TrainingArguments:
    """The Trainer's settings for a spec, with checkpoints in `folder`: bfloat16 on a GPU, float32 on CPU."""
    gpu = torch.cuda.is_available()
    micro, often = shares(spec)
    stop = spec.stop
    save_steps = stop.every if stop else spec.save_steps
    best: dict[str, Any] = {}
    if stop:
        best = {
            "eval_strategy": "steps",
            "eval_steps": stop.every,
            "load_best_model_at_end": True,
            "metric_for_best_model": f"eval_{stop.metric}",
            "greater_is_better": stop.higher,
        }
    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=often,
        num_train_epochs=spec.epochs,
        max_steps=-1 if spec.max_steps is None else spec.max_steps,
        learning_rate=spec.learning_rate,
        lr_scheduler_type=spec.scheduler,
        warmup_steps=spec.warmup,
        weight_decay=spec.weight_decay,
        max_grad_norm=spec.max_grad_norm,
        neftune_noise_alpha=spec.neftune,
        bf16=gpu and torch.cuda.is_bf16_supported() if spec.bf16 is None else spec.bf16,
        torch_compile=spec.compile,
        use_cpu=not gpu,
        ddp_backend="gloo" if ranks.world() > 1 and not gpu else None,
        ddp_find_unused_parameters=False,
        seed=spec.seed,
        data_seed=spec.seed,
        logging_strategy="steps",
        logging_steps=spec.log_steps,
        logging_nan_inf_filter=False,
        save_strategy="no" if save_steps is None else "steps",
        save_steps=save_steps or 500,
        save_total_limit=spec.save_total_limit,
        report_to=reporters(spec),
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=gpu,
        **best,
    )
