"""Cartridges: a text as a short, trained key-value prefix (Eyuboglu et al. 2025, arXiv 2506.06266), through peft.

A cartridge of P tokens holds, for every layer, P keys and values of every key-value head, learnt by context
distillation so that the model answers as if it had read a longer text. It begins as what the model computes from the
text's first P tokens: until it is trained, its logits are those of the model with these tokens before the prompt.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from constitutions.errors import InputError
from training.config import CartridgeSpec
from training.lora import old_names

ADAPTER = "adapter_config.json"


def new_cartridge(model: Any, spec: CartridgeSpec, context_ids: Sequence[int]) -> Any:
    """`model` with frozen weights under a cartridge that holds the first `spec.tokens` of `context_ids`, as a peft
    model.

    Raises InputError for a context that is shorter, and for a model that keeps no keys and values.
    """
    from peft import CartridgeConfig, get_peft_model, initialize_kv_prefix_from_past_key_values

    if len(context_ids) < spec.tokens:
        raise InputError(
            f"cartridge: the context has {len(context_ids)} tokens, and cartridge.tokens is {spec.tokens}; "
            f"expected at most {len(context_ids)}, or a longer context"
        )
    require_cache(model)
    model.eval()
    ids = torch.tensor([list(context_ids[: spec.tokens])], device=model.device)
    with torch.no_grad():
        read = model(input_ids=ids, use_cache=True).past_key_values
    config = CartridgeConfig(
        task_type="CAUSAL_LM", num_virtual_tokens=spec.tokens, num_frozen_tokens=spec.frozen, inference_mode=False
    )
    with old_names():
        made: Any = get_peft_model(model, config)
    initialize_kv_prefix_from_past_key_values(made, past_key_values=read)
    return made


def require_cache(model: Any) -> None:
    """Raise InputError for a model that is set not to use its key-value cache, in which a cartridge lives."""
    if getattr(model.config, "use_cache", True) is False:
        raise InputError(
            "cartridge: the model's config sets use_cache to false, and a cartridge is read from the key-value cache; "
            "expected use_cache true"
        )


class WithCartridge:
    """A causal language model that has read a cartridge: called as the model is, with or without a cache of its own.

    `agents.models.network.Network` and `training.sampling.Sampler` take it as a model. Attention masks, positions and
    the context's length are those of the tokens given; the prefix is added here.
    """

    def __init__(self, peft_model: Any) -> None:
        self._peft = peft_model
        self.model = peft_model.get_base_model()
        require_cache(self.model)
        self.tokens = int(peft_model.active_peft_config.num_virtual_tokens)
        self.config = copy.copy(self.model.config)
        if getattr(self.config, "max_position_embeddings", None):
            self.config.max_position_embeddings -= self.tokens

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        found: torch.device = self.model.device
        return found

    def eval(self) -> WithCartridge:
        """Set the model to evaluation mode."""
        self._peft.eval()
        return self

    def __call__(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        use_cache: bool = True,
        **more: Any,
    ) -> Any:
        """The model's output. A cache that is passed in is one that this gave, so it holds the prefix.

        `use_cache` False only forgets the cache afterwards: the prefix is read from one in any case.
        """
        rows = input_ids.shape[0]
        if past_key_values is None:
            past_key_values = self._peft.get_prompt(rows)
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        mask = torch.cat([attention_mask.new_ones(rows, self.tokens), attention_mask], dim=1)
        if position_ids is None:
            position_ids = (attention_mask.cumsum(dim=1) - 1).clamp(min=0)[:, -input_ids.shape[1] :]
        out = self.model(
            input_ids=input_ids,
            attention_mask=mask,
            position_ids=position_ids + self.tokens,
            past_key_values=past_key_values,
            use_cache=True,
            **more,
        )
        if not use_cache:
            out.past_key_values = None
        return out


def load_cartridge(folder: Path, model: Any) -> WithCartridge:
    """The cartridge in `folder` over `model`, to be asked.

    Raises InputError where the folder holds none, and for a cartridge of a model of another shape.
    """
    from peft import CartridgeConfig, PeftModel

    if not (folder / ADAPTER).is_file():
        raise InputError(f"{folder}: holds no cartridge; expected the result of training method distil with cartridge")
    config = CartridgeConfig.from_pretrained(str(folder))
    if not isinstance(config, CartridgeConfig):
        raise InputError(f"{folder}: holds another adapter; expected a cartridge")
    require_cache(model)
    try:
        with old_names():
            loaded = PeftModel.from_pretrained(model, str(folder))
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{folder}: is a cartridge of another model ({reason}); expected one of this model") from None
    return WithCartridge(loaded.eval())


def kv_bytes(config: Any, tokens: int, bytes_per_number: int) -> int:
    """Memory of the keys and values of `tokens` tokens, in bytes: 2 x layers x key-value heads x head width each."""
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    kv_heads = getattr(config, "num_key_value_heads", None) or heads
    return int(2 * config.num_hidden_layers * kv_heads * width * tokens * bytes_per_number)
