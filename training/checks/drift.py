"""How far a set's answers have moved from the base's own: in length, in stock refusals, and in how they begin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.figures import Estimate, Record
from training.checks.spec import REFUSALS
from training.checks.words import generator, words

Floats = NDArray[np.float64]
RESAMPLES = 1_000
_OPENING = 4
_SHOWN = 3


class Drift(Record):
    """A property of answers in the set against its reference, over `n` answers (of `reference_n`).

    `standardised` is (mean - reference's mean) / sqrt((s² + s_reference²) / 2), s² the variances (Cohen 1988; of shares
    Austin 2009), with a percentile bootstrap over answers, in pairs where both are answers to the same cases. It is
    None where neither varies and the means differ.
    """

    mean: float
    reference: float
    n: int
    reference_n: int
    paired: bool
    standardised: Estimate


class Opening(Record):
    """How answers begin: four words, and the share of answers that begin so, in the set and in the reference."""

    text: str
    share: float
    reference: float


class Drifts(Record):
    """Length in words, share with a stock refusal, and the commonest openings."""

    length: Drift
    refusals: Drift
    openings: tuple[Opening, ...]


def drifts(
    answers: Sequence[str],
    reference: Sequence[str],
    paired: bool,
    phrases: Sequence[str] = REFUSALS,
    seed: int = 0,
) -> Drifts:
    """Compare answers with a reference: at least one of each, as many of both where they are `paired`."""
    columns = [np.array([_measured(text, phrases) for text in some]) for some in (answers, reference)]
    length, refusals = (drift(columns[0][:, i], columns[1][:, i], paired, seed) for i in range(2))
    return Drifts(length=length, refusals=refusals, openings=_openings(answers, reference))


def drift(values_N: Floats, reference_M: Floats, paired: bool, seed: int = 0) -> Drift:
    """One column against the other; see `Drift`."""
    rng = generator(seed, "drift")
    drawn = []
    for _ in range(RESAMPLES):
        some = rng.integers(0, len(values_N), len(values_N))
        other = some if paired else rng.integers(0, len(reference_M), len(reference_M))
        drawn.append(standardised(values_N[some], reference_M[other]))
    value, finite = standardised(values_N, reference_M), [one for one in drawn if one is not None]
    low, high = np.quantile(finite, (0.025, 0.975)).tolist() if finite and value is not None else (None, None)
    return Drift(
        mean=float(values_N.mean()),
        reference=float(reference_M.mean()),
        n=len(values_N),
        reference_n=len(reference_M),
        paired=paired,
        standardised=Estimate(value=value, low=low, high=high),
    )


def standardised(values_N: Floats, reference_M: Floats) -> float | None:
    """The difference of the means in units of the root of the mean variance; 0 without any, None of no variance."""
    difference = float(values_N.mean() - reference_M.mean())
    spread = float(np.sqrt((values_N.var() + reference_M.var()) / 2))
    if spread:
        return difference / spread
    return 0.0 if difference == 0 else None


def refuses(text: str, phrases: Sequence[str] = REFUSALS) -> bool:
    """Whether the text holds one of the phrases, whatever the case and the kind of apostrophe."""
    plain = " ".join(text.replace("\u2019", "'").casefold().split())
    return any(phrase in plain for phrase in phrases)


def _measured(text: str, phrases: Sequence[str]) -> tuple[float, float]:
    return float(len(words(text))), float(refuses(text, phrases))


def _openings(answers: Sequence[str], reference: Sequence[str]) -> tuple[Opening, ...]:
    here, there = (Counter(" ".join(words(text)[:_OPENING]) for text in some) for some in (answers, reference))
    return tuple(
        Opening(text=text, share=count / len(answers), reference=there[text] / len(reference))
        for text, count in sorted(here.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN]
    )
