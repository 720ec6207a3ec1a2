"""What people write about a fine-tuning run."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from agents.spec import Spec
from constitutions.strict import problem
from constitutions.validation import load_model


class LoraSpec(Spec):
    """Low-rank adapters (Hu et al. 2021) in place of full weights; they are merged into the saved checkpoint.

    `r`: rank; `alpha`: the update is scaled by alpha / r; `targets`: names of the linear layers, or `all-linear`.
    `quantised`: the frozen weights are kept in 4 bits while training (QLoRA, Dettmers et al. 2023; needs the package
    bitsandbytes). The adapters are then merged into the weights that were quantised, not into their 4-bit copy.
    """

    r: int = Field(8, ge=1)
    alpha: int = Field(16, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: tuple[str, ...] | Literal["all-linear"] = "all-linear"
    quantised: bool = False


class StopSpec(Spec):
    """Early stopping on held-out data: `metric` is measured every `every` steps, the best weights are kept, and
    training ends after `patience` measurements without a better one.

    Metrics of held-out rows are `loss` and what the method logs (`accuracy`, `margin`, ...); a `measure` function
    passed to `train` adds its own, such as an oracle's. `higher`: whether more of it is better.
    """

    metric: str = "loss"
    higher: bool = False
    every: int = Field(50, ge=1)
    patience: int = Field(3, ge=1)


Method = Literal["sft", "dpo", "ipo", "kto", "reward"]


class TrainSpec(Spec):
    """How a model is fine-tuned. The model, the rows and the output folder are arguments of `train`.

    Attributes:
        method: `sft` (supervised, on completions), `dpo` or `ipo` (preference pairs; supervised rows may be mixed in),
            `kto` (unpaired answers; pairs count as a good and a bad one), `reward` (a reward model, on pairs).
        epochs: passes over the rows; `max_steps` overrides it.
        batch_size: rows a step (a pair is one row; packed rows count as one), over all processes.
        micro_batch: rows a process reads at once; a step is made of as many as it takes. None: all at once.
        learning_rate, scheduler, weight_decay, max_grad_norm: AdamW and its schedule.
        warmup: share of the steps in which the learning rate rises from 0.
        beta: strength of the tie to the reference model (dpo, ipo, kto).
        sft_weight: dpo and ipo: weight of the supervised term on chosen answers and mixed-in supervised rows.
        desirable_weight, undesirable_weight: kto: weights of good and bad answers.
        margin, centring: reward: how much the rows' margins count, and the pull of rewards to 0.
        packing: sft: several short rows share one sequence of `max_length`, none sees another.
        neftune: strength of noise on the embeddings (Jain et al. 2023); None for none.
        lora: adapters in place of full weights.
        bf16: compute in bfloat16 with float32 weights. None: on a GPU that has it.
        weights: how the weights are kept; `bfloat16` halves their memory, for frozen ones under adapters.
        gradient_checkpointing: compute activations again in the backward pass rather than keep them.
        compile: `torch.compile` the model.
        max_length: longest prompt with completion, in tokens; longer rows are skipped and counted, never cut.
        save_steps: a checkpoint to resume from every so many steps; None for none before the end.
        log_steps: the loss is logged as the mean over so many steps.
        stop: early stopping, which needs held-out rows or a measure.
        threads: torch threads on CPU.
        report_to: also report to these. TensorBoard's event files are in the output folder's `runs` whenever the
            package tensorboard is installed.
    """

    method: Method = "sft"
    epochs: float = Field(1.0, gt=0)
    max_steps: int | None = Field(None, ge=1)
    batch_size: int = Field(32, ge=1)
    micro_batch: int | None = Field(None, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    scheduler: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "linear"
    warmup: float = Field(0.05, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    beta: float = Field(0.1, gt=0)
    sft_weight: float = Field(1.0, ge=0)
    desirable_weight: float = Field(1.0, ge=0)
    undesirable_weight: float = Field(1.0, ge=0)
    margin: float = Field(0.0, ge=0)
    centring: float = Field(0.0, ge=0)
    packing: bool = False
    neftune: float | None = Field(None, gt=0)
    lora: LoraSpec | None = None
    bf16: bool | None = None
    weights: Literal["float32", "bfloat16"] = "float32"
    gradient_checkpointing: bool = False
    compile: bool = False
    max_length: int = Field(1024, ge=2)
    seed: int = Field(0, ge=0)
    save_steps: int | None = Field(200, ge=1)
    save_total_limit: int = Field(2, ge=1)
    log_steps: int = Field(10, ge=1)
    stop: StopSpec | None = None
    threads: int = Field(1, ge=1)
    report_to: tuple[Literal["wandb", "mlflow"], ...] = ()

    @model_validator(mode="after")
    def _fits_the_method(self) -> TrainSpec:
        if self.packing and self.method != "sft":
            raise problem(f"is for method sft; expected false with method {self.method}", "packing")
        return self


class ReinforceSpec(Spec):
    """How a model learns from a reward (`training.reinforce`).

    Attributes:
        steps, prompts, samples: a step draws `samples` (K, at least 2) answers to each of `prompts` prompts.
        kl: how much a nat of log-ratio to the first model costs, in units of the reward.
        max_new_tokens: longest answer.
        temperature: divides the logits, of what is drawn and of what is learnt: the policy is the model at this one.
        rows: prompts that the sampler reads at once.
        watch_every: steps between two calls of `watch`.
        save_steps: a checkpoint to go on from every so many steps; None for none before the end.
    """

    steps: int = Field(50, ge=1)
    prompts: int = Field(16, ge=1)
    samples: int = Field(4, ge=2)
    kl: float = Field(0.05, ge=0)
    learning_rate: float = Field(1e-4, gt=0)
    max_grad_norm: float = Field(1.0, gt=0)
    max_new_tokens: int = Field(64, ge=1)
    temperature: float = Field(1.0, gt=0)
    rows: int = Field(32, ge=1)
    watch_every: int = Field(10, ge=1)
    save_steps: int | None = Field(20, ge=1)
    seed: int = Field(0, ge=0)
    threads: int = Field(1, ge=1)


class TrainConfig(Spec):
    """A fine-tuning run, written down: `oversight train CONFIG`.

    Attributes:
        model: a checkpoint folder or hub id; relative to the working directory, as are the other paths.
        data: JSONL or Parquet files of rows with lineage, as a run's `datasets` folder holds them.
        held_out: such files of rows that are only measured, for `train.stop`.
        out: the folder of the result.
        workers: processes under `--distributed`.
    """

    model: str
    data: tuple[str, ...] = Field(min_length=1)
    held_out: tuple[str, ...] = ()
    out: str
    workers: int = Field(2, ge=1)
    train: TrainSpec = TrainSpec()


def load_train_config(path: str | Path, overrides: tuple[str, ...] = ()) -> TrainConfig:
    """Read a fine-tuning run's YAML file, with `key.sub=value` overrides. Raises InputError."""
    return load_model(path, TrainConfig, overrides)
