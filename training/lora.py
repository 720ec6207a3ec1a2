"""Low-rank adapters through peft: put on before training, merged into the weights before saving."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.config import LoraSpec, TrainSpec
from training.loading import load_model

_ADAPTERS = "adapters"


def adapt(model: Any, spec: LoraSpec, task: str = "CAUSAL_LM", checkpointing: bool = False) -> Any:
    """`model` with frozen weights and trainable adapters (Hu et al. 2021); it starts as the same function.

    `task` is peft's: `SEQ_CLS` trains a reward head in full beside the adapters.
    """
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    config = LoraConfig(
        task_type=task,
        r=spec.r,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules=spec.targets if isinstance(spec.targets, str) else list(spec.targets),
    )
    with old_names():
        if spec.quantised:
            prepared: Any = prepare_model_for_kbit_training
            model = prepared(model, use_gradient_checkpointing=checkpointing)
        elif checkpointing:
            model.enable_input_require_grads()  # otherwise nothing that a frozen embedding feeds has a gradient
        return get_peft_model(model, config)


def merged(model: Any, spec: TrainSpec, model_path: str | Path, folder: Path) -> Any:
    """The plain model that computes what the adapted `model` does: its adapters are added into the weights.

    So a saved checkpoint is an ordinary one. Adapters over 4-bit weights are kept in `folder` / adapters, and merged
    into the weights of `model_path` as they were before they were quantised.
    """
    if spec.lora is None or not spec.lora.quantised:
        return model.merge_and_unload()
    from peft import PeftModel

    model.save_pretrained(folder / _ADAPTERS)
    whole = spec.model_copy(update={"lora": None})
    with old_names():
        return PeftModel.from_pretrained(load_model(model_path, whole), str(folder / _ADAPTERS)).merge_and_unload()


@contextmanager
def old_names() -> Iterator[None]:
    """peft still reads a property under the name that transformers has deprecated."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
        yield
