"""Debaters that are assigned a side, and a judge that weighs what they argued: the strongest argument carries it.

On each principle a turn for a side has a strength t = R + A [its side is the true one] + G on the Elo scale (Elo 1978):
R = 400 log10(s / (1 - s)) for a debater that finds violations with chance s, its rating in `Elo` against a case of
medium difficulty; A its `truth_advantage`; G a Gumbel variable of scale 400 / ln(10). The judge takes the side of the
strongest turn. Its own finding is one more turn, of its own R and without A. The largest of Gumbel variables is Luce's
choice (Luce 1959; Yellott 1977):

    P(violated | truth) = sum of 10^(E / 400) over turns for the prosecution / sum over all turns, E = R + A [true].

So of two debaters with as many turns each, before a judge with no opinion, the honest one wins with chance
1 / (1 + 10^(-(R_honest + A - R_dishonest) / 400)): the Elo form of debate in Khan et al. (2024, arXiv:2402.06782) and
Engels et al. (2025, arXiv:2504.18530). More turns for both change that only by drowning the judge's own finding.

A turn says its strength as its confidence, c = 1 / (1 + 10^(-t / 400)), in [0, 1], 32-bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.simulated import lanes as bits
from agents.simulated.lanes import Words, planes
from agents.simulated.spec import rates
from agents.simulated.streams import Revision, Streams

Floats = NDArray[np.float32]
Places = tuple[int, ...]


@dataclass(frozen=True)
class Turn:
    """What somebody with a side claimed: words [n] of what it says is violated and what it says is fine, and its
    confidence in each of the places asked about, [n, P]."""

    flag: Words
    fine: Words
    strength: Floats


@dataclass(frozen=True)
class Arguing(Streams):
    """A simulated agent as a debater, and as a judge of debates."""

    def strengths(
        self, key_n: rng.Keys, true: Words, places: Places, revision: Revision, use: tuple[int | str, ...]
    ) -> Floats:
        """How strong a case it makes on every principle of `places`, [n, P]; `true` has a bit where its side is the
        true one."""
        drawn = [
            bits.lanes(*self._place(key_n, (*use, g), revision), wide=True) for g in range(-(-self.principles // 8))
        ]
        wait = np.stack([drawn[p // 8][:, p % 8] for p in places], axis=1) + 0.5
        wait *= 2.0**-32
        np.log(wait, out=wait)  # less an exponential: the shortest of several waits is the largest Gumbel variable
        odds = np.array([_odds_against(rate) for rate in rates(self.spec.skill, self.principles)])[list(places)]
        wait *= np.where(planes(true, places), -odds * 10.0 ** (-self.spec.truth_advantage / 400.0), -odds)
        wait += 1.0
        return np.asarray(1.0 / wait, np.float32)

    def weigh(self, key_n: rng.Keys, own: Words, turns: list[Turn], places: Places, revision: Revision) -> Words:
        """What the strongest turn says of every principle of `places`; its own finding where two are as strong."""
        nobody = np.zeros_like(own)
        mine = planes(own, places)
        strength = self.strengths(key_n, nobody, places, revision, ("own finding",))
        for_, against = np.where(mine, strength, 0.0), np.where(mine, 0.0, strength)
        for turn in turns:
            for_ = np.maximum(for_, np.where(planes(turn.flag, places), turn.strength, 0.0))
            against = np.maximum(against, np.where(planes(turn.fine, places), turn.strength, 0.0))
        flagged = (for_ > against) | ((for_ == against) & mine)
        for i, place in enumerate(places):
            nobody |= flagged[:, i].astype(own.dtype) << own.dtype.type(place)
        return nobody


def _odds_against(rate: float) -> float:
    return (1.0 - rate) / rate if rate else inf
