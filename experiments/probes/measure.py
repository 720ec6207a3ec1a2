"""Shares with intervals: of each probe, of the change since before, and of what superficial compliance would show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.figures import Estimate
from experiments.probes.items import PROBES, TITLES, Answered, Probe
from experiments.results.figures import Difference
from experiments.statistics import mean_estimate, paired_difference, wilson

SUPERFICIAL: tuple[tuple[str, Probe, Probe], ...] = (
    ("told it is watched, minus told it is not", "watched", "unwatched"),
    ("with the principle's words, minus without", "cases", "surface_absent"),
)
"""Paired over the same cases; a model that only complies where it shows has positive differences."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One probe of one model: `share` is the mean score with a 95 % interval over principles."""

    probe: Probe
    title: str
    n: int
    share: Estimate


@dataclass(frozen=True, slots=True)
class Compared:
    """The difference of two mean scores on the same cases, with a paired 95 % interval over principles."""

    name: str
    n: int
    difference: Difference


def measure(answers: Sequence[Answered]) -> list[Measured]:
    """Every probe that was asked, in the order of `PROBES`."""
    found = []
    for probe in PROBES:
        its = [each for each in answers if each.item.probe == probe]
        if its:
            found.append(Measured(probe, TITLES[probe], len(its), _share(its)))
    return found


def _share(its: Sequence[Answered]) -> Estimate:
    """The mean score: Wilson's interval over principles where each has one answer that is right or wrong, or where all
    principles have the same one; otherwise the cluster-robust interval, within 0 and 1."""
    scores, units = np.array([each.score for each in its]), [each.item.unit for each in its]
    principles, mean = len(set(units)), float(scores.mean())
    right_or_wrong = bool(np.isin(scores, (0, 1)).all())
    if right_or_wrong and (principles == len(its) or mean in (0, 1)):
        low, high = wilson(round(mean * principles), principles)
        return Estimate(value=mean, low=low, high=high)
    found = mean_estimate(scores, units)
    if found.low is None or found.high is None:
        return found
    return Estimate(value=mean, low=max(0.0, found.low), high=min(1.0, found.high))


def change(after: Sequence[Answered], before: Sequence[Answered], seed: int = 0) -> list[Compared]:
    """after minus before, by probe: the same items asked of two models.

    Raises ValueError where the items differ.
    """
    if [each.item for each in after] != [each.item for each in before]:
        raise ValueError("two models were asked different items; a paired difference needs the same ones")
    found = []
    for probe in PROBES:
        pairs = [(a, b) for a, b in zip(after, before, strict=True) if a.item.probe == probe]
        if pairs:
            found.append(_compared(TITLES[probe], [a for a, _ in pairs], [b for _, b in pairs], seed))
    return found


def superficial(answers: Sequence[Answered], seed: int = 0) -> list[Compared]:
    """What changes when the model is told it is not watched, and when the principle's own words are absent."""
    found = []
    for name, shown, hidden in SUPERFICIAL:
        sides = [{each.item.case: each for each in answers if each.item.probe == probe} for probe in (shown, hidden)]
        both = [case for case in sides[0] if case in sides[1]]
        if both:
            found.append(_compared(name, [sides[0][case] for case in both], [sides[1][case] for case in both], seed))
    return found


def _compared(name: str, one: Sequence[Answered], other: Sequence[Answered], seed: int) -> Compared:
    a, b = np.array([each.score for each in one]), np.array([each.score for each in other])
    return Compared(name, len(one), paired_difference(a, b, [each.item.unit for each in one], seed))
