"""Low-rank adapters through peft: put on before training, merged into the weights before saving."""

from __future__ import annotations

import warnings
from typing import Any

from training.config import LoraSpec


def adapt(model: Any, spec: LoraSpec) -> Any:
    """`model` with frozen weights and trainable adapters (Hu et al. 2021); it starts as the same function."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=spec.r,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules=spec.targets if isinstance(spec.targets, str) else list(spec.targets),
    )
    with warnings.catch_warnings():
        # peft still reads a property under the name that transformers has deprecated.
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
        return get_peft_model(model, config)


def merged(model: Any) -> Any:
    """The plain model that computes what the adapted `model` does: its adapters are added into the weights.

    So a saved checkpoint is an ordinary one that `AutoModelForCausalLM` loads.
    """
    return model.merge_and_unload()
