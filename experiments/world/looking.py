"""Heads that look back, as a start for models that have to read their context.

To look something up a transformer needs two layers that work together: a head that carries what stands before a token
to it, and one that finds the token by what was carried (an induction head, Olsson et al. 2022, arXiv 2209.11895). From
random weights a model this small takes too many steps to find both at once, so it starts with a rough pair, and all of
it is then trained as usual: the first layer's first two heads attend to the token 1 and 2 places back, through the
biases of queries and keys, and the second layer's first two match what they carried with the present token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

_BASE = 1e5
_HEADS, _REACH, _CARRIED, _MATCH = 2, 6.0, 0.5, 2.0
_FAST = 5  # rotary pairs that turn too quickly to match words far apart

READER: dict[str, Any] = {
    "tie_word_embeddings": True,  # copying a word is then reading it
    "attention_bias": True,
    "initializer_range": 0.08,
    "rope_parameters": {"rope_type": "default", "rope_theta": _BASE},
}
"""What the configuration of such a model has beside its size."""


def look_back(model: LlamaForCausalLM) -> None:
    """Set the heads' weights. A head's width is D; its D / 2 rotary pairs are (i, i + D / 2), as in Llama.

    With a bias of queries b and of keys R(o) b, rotated by o places, the score of a token d places back is
    sum_i cos((d - o) f_i) up to a factor: greatest at d = o.
    """
    import torch

    first, second = (layer.self_attn for layer in model.model.layers[:2])
    config: Any = model.config
    width, size = config.hidden_size, config.hidden_size // config.num_attention_heads
    turns = _BASE ** -(torch.arange(0, size, 2) / size)
    slow = (torch.arange(size // 2) >= _FAST).repeat(2)
    with torch.no_grad():
        for head in range(_HEADS):
            rows = slice(head * size, (head + 1) * size)
            back = (head + 1) * turns
            first.q_proj.weight[rows] = 0.0
            first.k_proj.weight[rows] = 0.0
            first.q_proj.bias[rows] = _REACH * torch.cat([torch.ones(size // 2), torch.zeros(size // 2)])
            first.k_proj.bias[rows] = _REACH * torch.cat([back.cos(), back.sin()])
            taken = torch.linalg.qr(torch.randn(width, size))[0].T * slow[:, None]
            laid = torch.linalg.qr(torch.randn(width, size))[0]
            first.v_proj.weight[rows] = taken
            first.o_proj.weight[:, rows] = _CARRIED * laid
            second.q_proj.weight[rows] = _MATCH * taken
            second.k_proj.weight[rows] = _MATCH * laid.T * slow[:, None]
