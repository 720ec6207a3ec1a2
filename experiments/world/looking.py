"""Heads that look things up, as a start for models that have to read their context.

To look something up a transformer needs two layers that work together: a head that carries what stands before a token
to it, and one that finds the token by what was carried (an induction head, Olsson et al. 2022, arXiv 2209.11895). From
random weights a model this small takes too many steps to find both at once, so it starts with rough ones, and all of it
is then trained as usual. The first layer's first two heads attend to the token 1 and 2 places back, through the biases
of queries and keys. The second layer's first two look up:

- forward: the query is the present token and the one 2 places back; it finds the token that stood 2 places after one of
  them, by what was carried, and says it;
- reverse: finds the present token where it stood before, and says what was carried there, which stood 2 places earlier.

The second layer's feed-forward part then compares: it says how alike what was found in reverse and what was carried
here are, that is, whether the two tokens stood together before. With silu(a) b + silu(-a) (-b) = a b a gated unit pair
multiplies, so a pair for each dimension gives an inner product. The third layer's first head carries the result 2
places on.

The residual stream of width 3 D is split at random into the present token's own part, and one for each distance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import LlamaForCausalLM

_BASE = 1e5
_DISTANCES = (1, 2)
_REACH, _CARRIED, _FORWARD, _REVERSE, _SAID, _NOT_HERE, _QUIET = 6.0, 0.13, 2.0, 3.0, 0.3, 2.8, 0.1
_ALIKE, _TOLD = 0.05, 0.4
_FAST = 5  # rotary pairs that turn too quickly to match words far apart

READER: dict[str, Any] = {
    "tie_word_embeddings": True,  # copying a word is then reading it
    "attention_bias": True,
    "initializer_range": 0.08,
    "rope_parameters": {"rope_type": "default", "rope_theta": _BASE},
}
"""What the configuration of such a model has beside its size."""


def look_back(model: LlamaForCausalLM) -> None:
    """Set the heads' weights. The model's width is at least 3 D, its heads' width D, their rotary pairs (i, i + D / 2).

    All else writes little into the stream at first, so that what is carried is not drowned.
    """
    import torch

    first, second, third = (layer.self_attn for layer in model.model.layers[:3])
    config: Any = model.config
    size = config.hidden_size // config.num_attention_heads
    slow = (torch.arange(size // 2) >= _FAST).repeat(2)
    own, *carried = torch.linalg.qr(torch.randn(config.hidden_size, config.hidden_size))[0].T[: 3 * size].split(size)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.mul_(_QUIET)
            layer.mlp.down_proj.weight.mul_(_QUIET)
        for head, (distance, part) in enumerate(zip(_DISTANCES, carried, strict=True)):
            rows = slice(head * size, (head + 1) * size)
            _carry(first, rows, distance, own * slow[:, None], _CARRIED * part)
        forward, reverse = slice(0, size), slice(size, 2 * size)
        second.q_proj.weight[forward] = _FORWARD * (own + carried[1]) * slow[:, None]
        second.k_proj.weight[forward] = _FORWARD * carried[1] * slow[:, None]
        second.q_proj.weight[reverse] = _REVERSE * own * slow[:, None]
        second.k_proj.weight[reverse] = _REVERSE * own * slow[:, None]
        elsewhere = _NOT_HERE * (~slow).float() * (torch.arange(size) < size // 2)
        for rows, values in ((forward, own), (reverse, carried[1])):
            second.q_proj.bias[rows], second.k_proj.bias[rows] = elsewhere, -elsewhere  # what is here needs no finding
            second.v_proj.weight[rows] = values
            second.o_proj.weight[:, rows] = _SAID * own.T
        _compare(model.model.layers[1].mlp, own[slow], carried[1][slow], carried[1][0])
        _carry(third, slice(0, size), 2, carried[1], _TOLD * carried[1])


def _compare(mlp: Any, one: Tensor, other: Tensor, said: Tensor) -> None:
    """Gated units that lay the inner product of what `one` and `other` read along `said`, which nothing else uses."""
    import torch

    units = slice(0, 2 * len(one))
    mlp.gate_proj.weight[units] = torch.cat([one, -one])
    mlp.up_proj.weight[units] = torch.cat([other, -other])
    mlp.down_proj.weight[:, units] = _ALIKE * said[:, None]


def _carry(attention: Any, rows: slice, distance: int, taken: Tensor, laid: Tensor) -> None:
    """A head that attends `distance` places back and carries what `taken` reads there to where `laid` is.

    With a bias of queries b and of keys R(o) b, rotated by o places, the score of a token d places back is
    sum_i cos((d - o) f_i) up to a factor: greatest at d = o.
    """
    import torch

    size = len(taken)
    turns = distance * _BASE ** -(torch.arange(0, size, 2) / size)
    attention.q_proj.weight[rows] = 0.0
    attention.k_proj.weight[rows] = 0.0
    attention.q_proj.bias[rows] = _REACH * torch.cat([torch.ones(size // 2), torch.zeros(size // 2)])
    attention.k_proj.bias[rows] = _REACH * torch.cat([turns.cos(), turns.sin()])
    attention.v_proj.weight[rows] = taken
    attention.o_proj.weight[:, rows] = laid.T
