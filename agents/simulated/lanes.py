"""Uniform lanes of a counter-based hash, and words of bits made by comparing lanes with thresholds.

A counter is a case's key (uint64). For every eight principles two splitmix64 hashes of counter + stream give eight
lanes of 16 bits; where a probability is so near 0 or 1 that 16 bits would bend it (see `tables`), four hashes give
eight lanes of 32 bits. A word packs eight comparisons into a byte: byte g of it stands for principles 8g to 8g + 7.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import rng

Words = NDArray[Any]  # unsigned integers, the smallest that hold a bit per principle
Lanes = NDArray[Any]
_S30, _S27, _S31, _S56 = (np.uint64(k) for k in (30, 27, 31, 56))
_ONE, _TWO = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_PACK = np.uint64(0x0102040810204080)  # times eight bytes of 0 or 1: their bits in the top byte, in order


def keep_memory() -> None:
    """Let this process keep the memory that a block frees, for the next one, in place of giving it back each time.

    The GNU C library sets its threshold for giving back (M_TRIM_THRESHOLD, mallopt(3)) to twice the largest piece that
    was mapped and freed: here 16 MiB, of which nothing is ever touched.
    """
    np.empty(2**24, np.uint8)


def word_type(principles: int) -> np.dtype[Any]:
    """The smallest unsigned integer type with a bit per principle."""
    for bits, kind in ((8, np.uint8), (16, np.uint16), (32, np.uint32)):
        if principles <= bits:
            return np.dtype(kind)
    return np.dtype(np.uint64)


@lru_cache(maxsize=65_536)
def stream(*parts: int | str) -> int:
    """The constant of a random stream: of the run's seed, an agent's stream, a use, a revision, a lane group ..."""
    return int(rng.key(*parts)[0])


def mix(x: rng.Keys) -> rng.Keys:
    """The splitmix64 finaliser (Steele, Lea and Flood 2014), in place."""
    t = x >> _S30
    x ^= t
    x *= _ONE
    np.right_shift(x, _S27, out=t)
    x ^= t
    x *= _TWO
    np.right_shift(x, _S31, out=t)
    x ^= t
    return x


def lanes(counter_n: rng.Keys, constant: int, wide: bool = False) -> Lanes:
    """Uniform lanes [n, 8], uint16, or uint32 where `wide`: a pure function of counter and constant."""
    hashes = 4 if wide else 2
    x = np.empty((len(counter_n), hashes), np.uint64)
    for i in range(hashes):
        np.add(counter_n, np.uint64((constant + i * 0x9FB21C651E98DF25) & 0xFFFFFFFFFFFFFFFF), out=x[:, i])
    return mix(x).view(np.uint32 if wide else np.uint16).reshape(-1, 8)


def quarter(counter_n: rng.Keys, constant: int) -> Lanes:
    """One uniform 32-bit lane a case, [n]."""
    x = counter_n + np.uint64(constant)
    return mix(x).view(np.uint32)[::2]


def below(lane_n: Lanes, probability: float) -> NDArray[np.bool_]:
    """Where a lane's uniform is below `probability`; exact for 0 and 1."""
    bits = 8 * lane_n.dtype.itemsize
    limit = round(probability * 2**bits)
    return np.ones(len(lane_n), bool) if limit >= 2**bits else np.less(lane_n, lane_n.dtype.type(limit))


def pack(flag_n8: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Eight flags a case as one byte, the first in bit 0."""
    x = flag_n8.view(np.uint64)[:, 0] * _PACK
    x >>= _S56
    return x.astype(np.uint8)


def byte(word_n: Words, group: int) -> NDArray[np.uint8]:
    """Byte `group` of every word."""
    if word_n.dtype == np.uint8:
        return word_n
    return np.asarray(word_n >> word_n.dtype.type(8 * group)).astype(np.uint8)


def joined(bytes_gn: list[NDArray[np.uint8]], kind: np.dtype[Any]) -> Words:
    """Words from their bytes, lowest first."""
    if kind == np.uint8:
        return bytes_gn[0]
    word = bytes_gn[0].astype(kind)
    for g, part in enumerate(bytes_gn[1:], start=1):
        word |= part.astype(kind) << kind.type(8 * g)
    return word


def planes(word_n: Words, places: tuple[int, ...]) -> NDArray[np.bool_]:
    """The bits of words at some places, [n, P]."""
    return np.stack([(word_n >> word_n.dtype.type(p)) & 1 for p in places], axis=1).astype(bool)


def majority(words: list[Words]) -> Words:
    """Bits that more than half of the words have, or exactly half (a tie counts), by bit-sliced counting."""
    if len(words) == 1:
        return words[0]
    if len(words) == 2:
        return words[0] | words[1]
    if len(words) == 3:
        a, b, c = words
        return (a & b) | (c & (a | b))
    return at_least(words, (len(words) + 1) // 2)


def more(words: list[Words], others: list[Words]) -> Words:
    """Bits that more of the words have than of the others (as many words as others)."""
    greater = np.zeros_like(words[0])
    equal = ~greater
    for a, b in zip(reversed(_counted(words)), reversed(_counted(others)), strict=True):
        greater |= equal & a & ~b
        equal &= ~(a ^ b)
    return greater


def _counted(words: list[Words]) -> list[Words]:
    """How many words have each bit, as planes of a binary number, lowest first: a ripple counter per bit."""
    planes: list[Words] = [np.zeros_like(words[0]) for _ in range(len(words).bit_length())]
    for word in words:
        carry = word
        for i, plane in enumerate(planes):
            planes[i], carry = plane ^ carry, plane & carry
    return planes


def at_least(words: list[Words], count: int) -> Words:
    """Bits that at least `count` (1 or more) of the words have."""
    planes = _counted(words)
    greater = np.zeros_like(words[0])
    equal = ~greater
    for i in reversed(range(len(planes))):
        if (count >> i) & 1:
            equal = equal & planes[i]
        else:
            greater |= equal & planes[i]
            equal = equal & ~planes[i]
    return greater | equal
