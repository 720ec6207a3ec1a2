"""Randomness as a pure function of names: a counter-based hash to uniforms, vectorised.

Every number is keyed by (run seed, agent stream, use) folded with columns (case key, revision, candidate, principle,
attempt ...), so it does not depend on block size, order, worker count, executor, retry or resume, and the same agent
in two graphs draws the same numbers (common random numbers). The mixer is the splitmix64 finaliser (Steele, Lea and
Flood 2014, "Fast splittable pseudorandom number generators").
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ONE, _TWO = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mix(x: Keys) -> Keys:
    """splitmix64 finaliser, elementwise: a bijection of uint64 in which every input bit moves every output bit."""
    x = x ^ (x >> np.uint64(30))
    x = x * _ONE
    x = x ^ (x >> np.uint64(27))
    x = x * _TWO
    return x ^ (x >> np.uint64(31))


def key(*parts: int | str) -> Keys:
    """One uint64 key (shape [1]) for a tuple of names and integers, stable across processes and platforms."""
    digest = hashlib.blake2b("\x1f".join(f"{type(p).__name__}:{p}" for p in parts).encode(), digest_size=8).digest()
    return np.frombuffer(digest, "<u8").astype(np.uint64)


def fold(keys: Keys, *columns: NDArray[Any] | int) -> Keys:
    """Fold integer columns (any mutually broadcastable shapes) into keys, one after another."""
    for column in columns:
        value = np.atleast_1d(np.asarray(column)).astype(np.uint64)
        keys = mix((keys ^ mix(value + _GOLDEN)) + _GOLDEN)
    return keys


def numbered(number: NDArray[np.uint64]) -> Keys:
    """A key per numbered case: a Weyl sequence, which every use of it mixes."""
    return number * _GOLDEN + _NUMBERED


NO_TEXT = key(0)
"""The key of an absent text: no text has the key of a number."""


def text_keys(texts: NDArray[np.object_]) -> Keys:
    """A uint64 key per text of an object array of any shape (`None` has its own key)."""
    none, blake2b = NO_TEXT.tobytes(), hashlib.blake2b
    flat = [
        none if t is None else blake2b(b"str:" + t.encode(), digest_size=8).digest() for t in texts.ravel().tolist()
    ]
    return np.frombuffer(b"".join(flat), "<u8").astype(np.uint64).reshape(texts.shape)


_NUMBERED = key("case")


def uniform(keys: Keys) -> NDArray[np.float64]:
    """Uniforms in [0, 1) with 53 bits, one per key."""
    out: NDArray[np.float64] = (mix(keys + _GOLDEN) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return out


def normal(keys: Keys) -> NDArray[np.float64]:
    """Standard normals, one per key, by Box and Muller (1958) on two uniforms of the key."""
    first = 1.0 - uniform(fold(keys, 1))
    out: NDArray[np.float64] = np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * uniform(fold(keys, 2)))
    return out
