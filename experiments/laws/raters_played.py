"""Ratings and raters, simulated by the engine: games between critics and bases, votes with known confusions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.simulated.lanes import Words
from agents.simulated.spec import Elo, SimulatedSpec
from agents.spec import AgentSpec
from constitutions.errors import InputError
from experiments.lab.simulate import simulate
from experiments.laws.dawid_skene import Estimate, dawid_skene
from experiments.laws.elo import Ratings, rate
from experiments.laws.played import FLAGGED, PASSED, Flags, Player, Writes, plan_of, play, uniform
from experiments.laws.ranges import within
from hierarchy.arm import Arm
from hierarchy.audit.auditors import HumanSpec
from hierarchy.latent.review import Review
from hierarchy.latent.view import LatentView
from hierarchy.plan import Plan

MOST_CLASSES = 64
Ints = NDArray[np.int64]
_GAME: list[dict[str, Any]] = [
    {"from": "base", "to": "critic"},
    {"from": "critic", "to": "refuse", "when": FLAGGED},
    {"from": "critic", "to": "release", "when": PASSED},
]


def games(found: Ratings, played: Mapping[tuple[str, str], int], cases: int, seed: int = 0) -> Ratings:
    """As many games of every pair as its share of those played: a critic with the one's rating against a base that
    always violates and plays at the other's; who catches it has won. Rated again."""
    within("--simulate", cases, 1, 10**8)
    plan = plan_of([{"id": "base", "role": "base"}, {"id": "critic", "role": "critic"}], _GAME)
    total, first, winners, losers = sum(played.values()), 0, [], []
    for (one, other), count in sorted(played.items()):
        size = max(1, round(cases * count / total))
        elo = Elo(rating=found.ratings[one], against=found.ratings[other])
        won = _wins(plan, elo, size, first, seed)
        first += size
        winners += [one] * won + [other] * (size - won)
        losers += [other] * won + [one] * (size - won)
    return rate(winners, losers, 0, seed)


def _wins(plan: Plan, elo: Elo, size: int, first: int, seed: int) -> int:
    agents = {"base": SimulatedSpec(propensity=1.0), "critic": SimulatedSpec(elo=elo, false_alarm=0.0)}
    arm = Arm("law", plan, {name: AgentSpec(model=spec) for name, spec in agents.items()}, seed)
    return simulate([arm], size, HumanSpec(), first=first).tallies["law"].flags["declined"]


def votes(found: Estimate, cases: int, seed: int = 0) -> Estimate:
    """A case has one class, drawn by the marginals; every rater votes once, by its row of confusions (by the raters'
    mean row where its own is unknown). A class is a bit of the word. Estimated again from the votes alone."""
    within("--simulate", cases, 1, 10**7)
    if len(found.classes) > MOST_CLASSES:
        raise InputError(f"{len(found.classes)} classes; --simulate takes at most {MOST_CLASSES}, a bit each")
    plan, crew = _panel(found), _crew(found, seed)
    case, rater, label = [], [], []
    for number, r, classes in _said(plan, crew, len(found.raters), cases, seed):
        case += [str(one) for one in number]
        rater += [found.raters[r]] * len(number)
        label += [found.classes[k] for k in classes]
    return dawid_skene(case, rater, label)


def _panel(found: Estimate) -> Plan:
    raters = [f"rater{r}" for r in range(len(found.raters))]
    steps: list[dict[str, Any]] = [{"id": "draft", "role": "base", "route": "fan_out"}]
    steps += [{"id": name, "role": "critic"} for name in raters]
    steps += [{"id": "vote", "role": "consensus", "members": raters, "rule": {"kind": "majority"}}]
    edges: list[dict[str, Any]] = [{"from": "draft", "to": raters}, *({"from": name, "to": "vote"} for name in raters)]
    return plan_of(steps, [*edges, {"from": "vote", "to": "release", "when": FLAGGED}], len(found.classes))


def _crew(found: Estimate, seed: int) -> dict[str, Player]:
    """The truth, and a rater per confusion matrix."""
    known = found.confusions
    pooled = np.nan_to_num(np.nanmean(known, axis=0), nan=1.0 / len(found.classes))
    limits = np.where(np.isnan(known), pooled, known).cumsum(axis=2)
    share = found.marginals.cumsum()[None]

    def rater(r: int) -> Player:
        return Flags(lambda view, word: _drawn(limits[r][_class(word)], uniform(view, seed, "vote", r)))

    def truth(view: LatentView) -> NDArray[np.uint64]:
        return _drawn(share, uniform(view, seed, "class"))

    return {"draft": Writes(truth), **{f"rater{r}": rater(r) for r in range(len(found.raters))}}


def _drawn(limits_nc: NDArray[np.float64], u: NDArray[np.float64]) -> NDArray[np.uint64]:
    """The bit of the class that each uniform falls into, [n]; limits are cumulative probabilities."""
    index = np.minimum((u[:, None] >= limits_nc).sum(axis=1), limits_nc.shape[1] - 1)
    return np.asarray(np.left_shift(np.uint64(1), index.astype(np.uint64)))


def _said(
    plan: Plan, crew: Mapping[str, Player], raters: int, cases: int, seed: int
) -> Iterator[tuple[list[int], int, list[int]]]:
    """(case numbers, rater, places of the classes it said), block by block."""
    for block in play(plan, crew, cases, seed):
        for r in range(raters):
            said = block.said[1 + r]
            assert isinstance(said, Review)
            yield block.cases.number.tolist(), r, _class(said.flag).tolist()


def _class(word: Words) -> Ints:
    """The place of the only bit of each word, [n]."""
    return np.asarray(np.bitwise_count(word - word.dtype.type(1)), np.int64)
