"""Gumbel noise as a pure function of (row seed, step, token), on whatever device the logits are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed 64-bit integer
_ONE, _TWO = -4658895280553007687, -7723592293110705685  # splitmix64's multipliers, signed


def _shift(x: Tensor, bits: int) -> Tensor:
    """Logical right shift of int64 (torch shifts arithmetically)."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift(x, 30)) * _ONE
    x = (x ^ _shift(x, 27)) * _TWO
    return x ^ _shift(x, 31)


def gumbel(seed_B: Tensor, step: int, vocabulary: int) -> Tensor:
    """Standard Gumbel noise, float32 [B, vocabulary], for one decoding step of rows with int64 seeds [B]."""
    import torch

    row = _mix(_mix(seed_B + _GOLDEN) ^ (step + 1))
    token = torch.arange(vocabulary, device=seed_B.device, dtype=torch.long) * _GOLDEN
    bits = _shift(_mix(row[:, None] + token[None, :]), 40)  # 24 bits, exact in float32
    # The largest of them rounds up to 1, whose noise would be infinite: in 1 % of the steps over 150,000 tokens.
    uniform = ((bits.float() + 0.5) * 2.0**-24).clamp(max=1.0 - 2.0**-24)
    return -torch.log(-torch.log(uniform))
