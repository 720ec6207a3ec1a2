"""What is trained, and what the model says of the rows before it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transformers import TrainingArguments

from training.cartridge import new_cartridge
from training.config import TrainSpec
from training.distillation import fill_teacher
from training.lora import adapt
from training.prepared import Prepared
from training.reference import fill_reference


def read_first(
    spec: TrainSpec,
    prepared: Prepared,
    arguments: TrainingArguments,
    progress: Callable[[str, int, int], None] | None,
) -> None:
    """What the model as it is says of the rows: as the reference of a preference loss, or as its own teacher."""
    if spec.method not in ("distil", "dpo", "ipo", "kto"):
        return
    model, examples = prepared.model.to(arguments.device), [*prepared.examples, *prepared.held_out]
    stage = "teacher" if spec.method == "distil" else "reference"
    told = None if progress is None else (lambda done, total: progress(stage, done, total))
    if spec.method == "distil":
        fill_teacher(model, examples, prepared.filler, spec.batch_size, spec.top, arguments.bf16, told)
    else:
        fill_reference(model, examples, prepared.filler, spec.batch_size, arguments.bf16, told)


def learner(spec: TrainSpec, prepared: Prepared) -> Any:
    """The model with what of it is trained: all weights, adapters, or a cartridge."""
    model = prepared.model
    if spec.cartridge is not None:
        return new_cartridge(model, spec.cartridge, prepared.context_ids)
    if spec.gradient_checkpointing:
        # transformers 5 renamed it on the way.
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        enable({"use_reentrant": False})
    if spec.lora is not None:
        task = "SEQ_CLS" if spec.method == "reward" else "CAUSAL_LM"
        model = adapt(model, spec.lora, task, spec.gradient_checkpointing)
    return model
