"""The engine's yardstick: the two graphs as flat, hand-written NumPy loops of the same arithmetic on one core.

No graph, no plan, no views, no records: the least that a columnar engine must spend on these draws. Ends are equal to
the engine's bit for bit (checked by `benchmarks.engine`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.simulated.lanes import below, lanes, majority, pack, quarter, stream
from agents.simulated.streams import levels_of
from agents.simulated.tables import table
from agents.vocabulary import CaseOutcome

SEED, P, MASK = 1, 7, 127
Bytes = NDArray[np.uint8]


def _rows(clean: float, violated: float, slope: float) -> NDArray[np.complex128]:
    found = table((clean,) * P, (violated,) * P, slope, MASK).groups[0].rows
    assert found is not None
    return found


BASE, CRITIC, SCREEN = _rows(0.1, 0.1, 0.0), _rows(0.05, 0.8, 1.0), _rows(0.02, 0.6, 0.5)
JUDGE, REVISE = _rows(0.05, 0.95, 0.3), _rows(0.01, 0.25, 0.0)
HUMAN = table((1.0 - 0.95,), (0.95,), 0.0, 1).groups[0].rows


def _at(level: Bytes, subject: Bytes) -> NDArray[np.uint16]:
    index = level.astype(np.uint16)
    index <<= np.uint16(8)
    index |= subject
    return index


def _word(drawn: NDArray[Any], rows: NDArray[np.complex128], index: NDArray[Any]) -> Bytes:
    return pack(drawn < rows.take(index).view(np.uint16).reshape(-1, 8))


def _critics(key: rng.Keys, level: Bytes, subject: Bytes, revision: int) -> list[Bytes]:
    """Three relatives: with chance .3 one reads the family's lanes in place of its own."""
    index, words = _at(level, subject), []
    family = lanes(key, stream(SEED, "family", "kin", 0, revision)).view(np.complex128)[:, 0]
    for name in "abc":
        own = lanes(key, stream(SEED, name, 0, "critic", 0, revision))
        drawn = np.where(below(own[:, 7], 0.3), family, own.view(np.complex128)[:, 0])
        words.append(_word(drawn.view(np.uint16).reshape(-1, 8), CRITIC, index))
    return words


def _judge(key: rng.Keys, level: Bytes, subject: Bytes, revision: int) -> NDArray[np.bool_]:
    drawn = lanes(key, stream(SEED, "judge", 0, "critic of critic", 0, revision))
    return np.asarray(_word(drawn, JUDGE, _at(level, subject)) == 0)


def _base(key: rng.Keys) -> Bytes:
    drawn = lanes(key, stream(SEED, "base", 0, "respond", 0, 0, 0))
    return _word(drawn, BASE, np.zeros(len(key), np.uint16))


def panel(number: NDArray[np.uint64]) -> NDArray[np.int8]:
    """How every case ends: released where the judge of the panel's vote finds nothing, else refused."""
    key = rng.numbered(number)
    level, word = levels_of(key), _base(key)
    majority(_critics(key, level, word, 0))
    fine = _judge(key, level, word, 0)
    return np.where(fine, np.int8(CaseOutcome.RELEASED), np.int8(CaseOutcome.REFUSED))


def layers(number: NDArray[np.uint64], rounds: int = 2) -> NDArray[np.int8]:
    """Screen, panel, judge, two rounds of revision; split panels go to the human."""
    outcome = np.full(len(number), CaseOutcome.REFUSED, np.int8)
    key = rng.numbered(number)
    level, word = levels_of(key), _base(key)
    screened = _word(lanes(key, stream(SEED, "monitor", 0, "safety", 0, 0)), SCREEN, _at(level, word))
    keep = np.flatnonzero(np.bitwise_count(screened) < 3)
    key, level, word = key.take(keep), level.take(keep), word.take(keep)
    parked = []
    for turn in range(rounds + 1):
        flagged = [w != 0 for w in _critics(key, level, word, turn)]
        count = np.sum(flagged, axis=0, dtype=np.uint8)
        split = (count == 1) | (count == 2)
        human = np.flatnonzero(split)
        parked.append((keep.take(human), key.take(human), word.take(human), turn))
        go = np.flatnonzero(~split)
        keep, key, level, word = keep.take(go), key.take(go), level.take(go), word.take(go)
        fine = _judge(key, level, word, turn)
        outcome[keep.take(np.flatnonzero(fine))] = CaseOutcome.REVISED if turn else CaseOutcome.RELEASED
        go = np.flatnonzero(~fine)
        if turn == rounds or not len(go):
            break
        keep, key, level = keep.take(go), key.take(go), level.take(go)
        drawn = lanes(key, stream(SEED, "base", 0, "revise", 0, 0, turn))
        word = _word(drawn, REVISE, word.take(go))
    for where, parked_key, parked_word, turn in parked:
        assert HUMAN is not None
        drawn = lanes(parked_key, stream(SEED, "auditor simulated", 0, "audit", 0, turn))
        accepted = _word(drawn, HUMAN, (parked_word != 0).astype(np.uint8)) == 0
        ok = where.take(np.flatnonzero(accepted))
        outcome[ok] = CaseOutcome.REVISED if turn else CaseOutcome.RELEASED
    return outcome


def difficulty(key: rng.Keys) -> NDArray[Any]:
    """One lane a case, for those who want to see what difficulty costs."""
    return quarter(key, stream("difficulty"))
