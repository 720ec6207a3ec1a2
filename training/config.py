"""What people write about a fine-tuning run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agents.spec import Spec


class LoraSpec(Spec):
    """Low-rank adapters (Hu et al. 2021) in place of full weights; they are merged into the saved checkpoint.

    `r`: rank; `alpha`: the update is scaled by alpha / r; `targets`: names of the linear layers, or `all-linear`.
    """

    r: int = Field(8, ge=1)
    alpha: int = Field(16, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: tuple[str, ...] | Literal["all-linear"] = "all-linear"


class TrainSpec(Spec):
    """How a model is fine-tuned. The model, the rows and the output folder are arguments of `train`.

    Attributes:
        method: `sft` (supervised, on completions) or `dpo` (preference pairs; supervised rows may be mixed in).
        epochs: passes over the rows; `max_steps` overrides it.
        batch_size: rows a step (a pair is one row).
        learning_rate, scheduler, weight_decay, max_grad_norm: AdamW and its schedule.
        warmup: share of the steps in which the learning rate rises from 0.
        beta: DPO's strength of the tie to the reference model.
        sft_weight: DPO only: weight of the supervised term on chosen answers and mixed-in supervised rows.
        lora: adapters in place of full weights.
        max_length: longest prompt with completion, in tokens; longer rows are skipped and counted, never cut.
        save_steps: a checkpoint to resume from every so many steps; None for none before the end.
        log_steps: the loss is logged as the mean over so many steps.
        threads: torch threads on CPU.
        report_to: `tensorboard` writes event files into the output folder's `runs`.
    """

    method: Literal["sft", "dpo"] = "sft"
    epochs: float = Field(1.0, gt=0)
    max_steps: int | None = Field(None, ge=1)
    batch_size: int = Field(32, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    scheduler: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "linear"
    warmup: float = Field(0.05, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    beta: float = Field(0.1, gt=0)
    sft_weight: float = Field(1.0, ge=0)
    lora: LoraSpec | None = None
    max_length: int = Field(1024, ge=2)
    seed: int = Field(0, ge=0)
    save_steps: int | None = Field(200, ge=1)
    save_total_limit: int = Field(2, ge=1)
    log_steps: int = Field(10, ge=1)
    threads: int = Field(1, ge=1)
    report_to: Literal["none", "tensorboard"] = "none"
