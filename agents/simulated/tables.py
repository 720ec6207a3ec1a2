"""Probabilities as threshold tables: transcendental functions are used when a table is built, never in the pass.

Difficulty has `LEVELS` levels, the midpoints of equal parts of [-1, 1]. A reviewer's rate on a violated principle falls
with difficulty as in the two-parameter item response model (Birnbaum 1968), logit P = logit(rate) - slope * difficulty;
its false alarms do not depend on it. Dependence within a family, given the truth, is a factor u of the family, uniform,
one per case, principle and revision; where u is high, relatives fail to see together:
  copula (Gaussian; rho is the correlation of the latent normals): P(flag | u) = Phi((Phi^-1(p) - sqrt(rho) Phi^-1(u)) /
    sqrt(1 - rho));
  beta-binomial (rho is the correlation of two relatives' flags): P(flag | u) = the (1 - u) quantile of Beta(a, b) with
    a = p (1 - rho) / rho, b = (1 - p)(1 - rho) / rho.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.simulated.spec import BetaBinomial, Copula

LEVELS = 64
FACTOR_BITS = 12
_RARE = 2.0**-9  # 16-bit thresholds are off by at most 2^-17: .4 % of this
Floats = NDArray[np.float64]
_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little").astype(bool)


@dataclass(frozen=True)
class Group:
    """Thresholds of eight principles, a row per (difficulty level, byte of the subject), at level * 256 + byte.

    `rows` are eight uint16 seen as one complex128, so that taking a row is one move; `wide` are uint32 [.., 8] where
    some probability is rare; `sure` are the bits whose probability is exactly 1 (None where there is none).
    """

    rows: NDArray[np.complex128] | None
    wide: NDArray[np.uint32] | None
    sure: NDArray[np.uint8] | None


@dataclass(frozen=True)
class Table:
    """A group per eight principles. `levels` is 1 where difficulty does not matter."""

    groups: tuple[Group, ...]
    levels: int


@lru_cache(maxsize=4096)
def table(clean: tuple[float, ...], violated: tuple[float, ...], slope: float, mask: int) -> Table:
    """P(bit set) on a clean principle, and on a violated one at difficulty 0; 0 outside the principles of `mask`."""
    levels = LEVELS if slope else 1
    groups = []
    for first in range(0, len(clean), 8):
        p = np.zeros((levels, 256, 8))
        for j, (low, high) in enumerate(zip(clean[first : first + 8], violated[first : first + 8], strict=True)):
            if (mask >> (first + j)) & 1:
                p[:, :, j] = np.where(_BITS[None, :, j], response(high, slope)[:levels, None], low)
        groups.append(_group(p.reshape(-1, 8)))
    return Table(tuple(groups), levels)


def _group(p: Floats) -> Group:
    certain = p >= 1.0
    sure = np.packbits(certain, axis=1, bitorder="little")[:, 0] if certain.any() else None
    inside = (p > 0.0) & ~certain
    if (inside & ((p < _RARE) | (p > 1.0 - _RARE))).any():
        wide = np.minimum(np.round(p * 2.0**32), 2.0**32 - 1).astype(np.uint32)
        return Group(None, np.ascontiguousarray(wide), sure)
    narrow = np.minimum(np.round(p * 2.0**16), 2.0**16 - 1).astype(np.uint16)
    return Group(np.ascontiguousarray(narrow).view(np.complex128)[:, 0], None, sure)


def difficulty_of_level() -> Floats:
    """The difficulty of every level, [LEVELS]."""
    return np.asarray((np.arange(LEVELS) + 0.5) * (2.0 / LEVELS) - 1.0, np.float64)


def response(rate: float, slope: float) -> Floats:
    """P at every difficulty level, [LEVELS]: logistic in difficulty, `rate` at 0; exact 0 and 1 stay."""
    if rate in (0.0, 1.0) or slope == 0.0:
        return np.full(LEVELS, rate)
    logit = np.log(rate) - np.log1p(-rate) - slope * difficulty_of_level()
    return np.asarray(1.0 / (1.0 + np.exp(-logit)))


def shifted(p: tuple[float, ...], logits: float) -> tuple[float, ...]:
    """Every probability moved by so many logits; exact 0 and 1 stay."""
    return tuple(q if q in (0.0, 1.0) else float(1.0 / (1.0 + (1.0 - q) / q * np.exp(-logits))) for q in p)


@lru_cache(maxsize=1024)
def factor_table(
    clean: float, violated: float, slope: float, dependence: Copula | BetaBinomial
) -> tuple[NDArray[np.uint32], int]:
    """Thresholds of one principle given the family's factor: uint32 at (level * 2 + violated) * 2^FACTOR_BITS + factor.

    And how many levels there are. A factor's threshold is that of the midpoint of its part of [0, 1].
    """
    levels = LEVELS if slope else 1
    factors = 1 << FACTOR_BITS
    u = (np.arange(factors) + 0.5) / factors
    out = np.empty((levels, 2, factors), np.uint32)
    known: dict[tuple[float, float], Any] = {}
    for level, high in enumerate(response(violated, slope)[:levels].tolist()):
        for truth, p, rho in ((0, clean, dependence.innocent), (1, high, dependence.violating)):
            if (p, rho) not in known:
                known[p, rho] = _given(p, rho, u, dependence)
            out[level, truth] = np.minimum(np.round(known[p, rho] * 2.0**32), 2.0**32 - 1).astype(np.uint32)
    return out.reshape(-1), levels


def _given(p: float, rho: float, u: Floats, dependence: Copula | BetaBinomial) -> Floats:
    from scipy.special import betaincinv, ndtr, ndtri  # heavy, and needed only where relatives depend so

    if rho == 0.0 or p in (0.0, 1.0):
        return np.full(len(u), p)
    if isinstance(dependence, Copula):
        return np.asarray(ndtr((ndtri(p) - np.sqrt(rho) * ndtri(u)) / np.sqrt(1.0 - rho)))
    return np.asarray(betaincinv(p * (1.0 - rho) / rho, (1.0 - p) * (1.0 - rho) / rho, 1.0 - u))
