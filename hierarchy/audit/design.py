"""Which released cases a person looks at: inclusion probabilities first, then a draw that is a keyed hash of case ids.

A design aims a part of the budget at the cases that a score calls worst, and leaves the rest, the random floor, to
chance alone, so that every released case can be drawn and the rate among all of them can be estimated. Without the key
nobody can tell which cases will be drawn; with it the draw is a function of the recorded probabilities and the case
ids, so that drawing again, after a crash too, gives the same cases.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.spec import Spec
from constitutions.strict import Text

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Score = Literal["priority", "uncertainty", "disagreement"]


class DesignSpec(Spec):
    """A sample of an arm's released cases for audit.

    Attributes:
        design: the score that a part of the budget is aimed by.
        budget: the most cases of an arm that are drawn.
        floor: share of the budget that is drawn by chance alone among the cases that are not taken for certain; 1 is a
            simple random sample.
        aim: `top` takes the cases of the highest scores for certain, as many as the budget beside the floor holds
            (equal scores together or not at all; what is left of the budget goes to the floor); `proportional` draws
            them with probability proportional to their score (a case drawn by both aim and floor is audited once).
        key: what the draw is keyed by; None: a random one, made once and kept with the run.
    """

    design: Score = "priority"
    budget: int = Field(ge=1)
    floor: float = Field(0.5, gt=0, le=1)
    aim: Literal["top", "proportional"] = "top"
    key: Text | None = None


@dataclass(frozen=True)
class Chances:
    """The probabilities of a sample of N cases, fixed before anything is drawn.

    Attributes:
        aim_N: probability of being drawn by aim; 1 is a case taken for certain.
        floor: how many of the M cases that are not certain the floor draws, a simple random sample.
    """

    aim_N: Floats
    floor: int

    @property
    def certain_N(self) -> Bools:
        """Cases taken for certain."""
        return np.asarray(self.aim_N >= 1.0)

    @property
    def inclusion_N(self) -> Floats:
        """Probability of being drawn at all: 1 - (1 - floor / M)(1 - aim), never 0."""
        rest = int((~self.certain_N).sum())
        return np.asarray(1.0 - (1.0 - self.floor / max(rest, 1)) * (1.0 - self.aim_N))


@dataclass(frozen=True)
class Draw:
    """Which cases are audited, [N] each: taken for certain, by the floor, by aim (a case may be drawn by both)."""

    certain_N: Bools
    floor_N: Bools
    aimed_N: Bools

    @property
    def drawn_N(self) -> Bools:
        """All of them."""
        return self.certain_N | self.floor_N | self.aimed_N


def chances(spec: DesignSpec, score_N: Floats) -> Chances:
    """The probabilities of a design over N cases with finite scores of at least 0. Raises ValueError for other scores.

    A budget of N or more takes every case.
    """
    score = np.asarray(score_N, dtype=np.float64)
    if not (np.isfinite(score).all() and (score >= 0).all()):
        raise ValueError("scores must be finite and at least 0")
    budget = min(spec.budget, len(score))
    aimed = budget - max(1, round(spec.floor * budget)) if budget else 0
    if budget == len(score):
        return Chances(np.ones(len(score)), 0)
    aim = _top(score, aimed) if spec.aim == "top" else _proportional(score, aimed)
    return Chances(aim, budget - round(float(aim.sum())))


def _top(score: Floats, count: int) -> Floats:
    """1 for the highest scores: those above the (count + 1)-th highest, so that ties are not broken."""
    edge = np.partition(score, len(score) - 1 - count)[len(score) - 1 - count]
    return np.asarray(score > edge, dtype=np.float64)


def _proportional(score: Floats, count: int) -> Floats:
    """Probabilities proportional to the score that sum to `count`, those above 1 cut to it until none is."""
    count = min(count, int((score > 0).sum()))
    certain = np.zeros(len(score), bool)
    while True:
        left = count - int(certain.sum())
        rest = float(score[~certain].sum())
        aim = np.where(certain, 1.0, score * (left / rest) if left else 0.0)
        over = (aim >= 1.0 - 1e-12) & ~certain
        if not over.any():
            return np.asarray(aim)
        certain |= over


def draw(planned: Chances, key: str, case_ids: Sequence[str]) -> Draw:
    """The sample that the key and the N case ids give: the same ones whenever and wherever it is drawn."""
    return draw_by(planned, hashed(key, "floor", case_ids), hashed(key, "aim", case_ids), hashed(key, "start", [""])[0])


def draw_by(planned: Chances, floor_N: Floats, aim_N: Floats, start: float) -> Draw:
    """The sample that uniforms give: two per case and one of the sample.

    The floor is the cases of the smallest uniforms: every set of its size is equally likely. The aim is systematic
    sampling with unequal probabilities in random order (Hartley and Rao 1962): of fixed size, with exactly the
    probabilities asked for.
    """
    certain = planned.certain_N
    rest = np.flatnonzero(~certain)
    by_floor, by_aim = np.zeros(len(certain), bool), np.zeros(len(certain), bool)
    if 0 < planned.floor < len(rest):
        by_floor[rest[np.argpartition(floor_N[rest], planned.floor - 1)[: planned.floor]]] = True
    elif planned.floor:
        by_floor[rest] = True
    wanted = round(float(planned.aim_N[rest].sum()))
    if wanted:
        order = rest[np.argsort(aim_N[rest], kind="stable")]
        reached = np.cumsum(planned.aim_N[order])
        reached[-1] = wanted  # rounding of the sum must not cost or add a case
        steps = np.ceil(reached - start)
        by_aim[order] = np.diff(steps, prepend=np.ceil(-start)) > 0
    return Draw(certain, by_floor, by_aim)


def hashed(key: str, use: str, case_ids: Sequence[str]) -> Floats:
    """Uniforms in [0, 1), [N]: BLAKE2b of the case id, keyed by the hash of the key (a MAC, unlike the hashes of
    `agents.rng`)."""
    secret = hashlib.blake2b(key.encode("utf-8", "surrogatepass")).digest()
    digests = b"".join(
        hashlib.blake2b(f"{use}\x1f{case}".encode("utf-8", "surrogatepass"), digest_size=8, key=secret).digest()
        for case in case_ids
    )
    whole = np.frombuffer(digests, "<u8")
    return np.asarray((whole >> np.uint64(11)).astype(np.float64) * 2.0**-53)
