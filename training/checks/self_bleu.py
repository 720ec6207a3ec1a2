"""Self-BLEU (Zhu et al. 2018, Texygen): how well each answer is foretold by all the others. 1: they all say the same.

The mean over texts of BLEU (Papineni et al. 2002) with every other text as a reference: n-gram precisions up to 4,
clipped at the largest count in one reference, geometric mean, penalty against the reference of nearest length. As in
Texygen a precision of 0 above the first order counts as .1 of its denominator (method 1 of Chen and Cherry 2014).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from agents.figures import Estimate, Record
from training.checks.words import Words, generator, grams

ORDER = 4
RESAMPLES = 2_000
_EPSILON = 0.1


class SelfBleu(Record):
    """Self-BLEU of `n` sampled texts. It grows with their number; the interval resamples the texts that are scored and
    keeps those they are scored against."""

    n: int
    value: Estimate


def self_bleu(texts: Sequence[Words], seed: int = 0) -> SelfBleu:
    """The mean BLEU of every text against all others, with a percentile bootstrap over texts; None of under two."""
    if len(texts) < 2:
        return SelfBleu(n=len(texts), value=Estimate(value=None, low=None, high=None))
    scores = np.array(_scores(texts))
    rng = generator(seed, "self-bleu")
    means = [float(scores[rng.integers(0, len(scores), len(scores))].mean()) for _ in range(RESAMPLES)]
    low, high = np.quantile(means, (0.025, 0.975))
    return SelfBleu(n=len(texts), value=Estimate(value=float(scores.mean()), low=float(low), high=float(high)))


def _scores(texts: Sequence[Words]) -> list[float]:
    """BLEU of every text against all others, in time that grows with the words and not with the pairs."""
    counts = [[Counter(grams(text, n)) for text in texts] for n in range(1, ORDER + 1)]
    best = [_two_best(some) for some in counts]
    lengths = Counter(len(text) for text in texts)
    return [
        _bleu([(counts[n][i], best[n]) for n in range(ORDER)], i, len(text), _nearest(lengths, len(text)))
        for i, text in enumerate(texts)
    ]


_Best = dict[Words, tuple[int, int, int]]


def _two_best(counts: Sequence[Counter[Words]]) -> _Best:
    """By n-gram: its largest count in one text, that text, and the largest count in another one."""
    best: _Best = {}
    for i, some in enumerate(counts):
        for gram, count in some.items():
            most, holder, second = best.get(gram, (0, -1, 0))
            best[gram] = (count, i, most) if count > most else (most, holder, max(second, count))
    return best


def _bleu(orders: Sequence[tuple[Counter[Words], _Best]], i: int, length: int, reference: int) -> float:
    logs = 0.0
    for n, (counts, best) in enumerate(orders):
        clipped = 0
        for gram, count in counts.items():
            most, holder, second = best[gram]
            clipped += min(count, second if holder == i else most)
        if not clipped and n == 0:
            return 0.0
        logs += math.log((clipped or _EPSILON) / max(counts.total(), 1))
    penalty = 1.0 if length > reference else math.exp(1 - reference / length)
    return penalty * math.exp(logs / len(orders))


def _nearest(lengths: Counter[int], own: int) -> int:
    """The length of another text that is nearest to this one's; of two, the shorter."""
    others = (length for length, count in lengths.items() if count > (length == own))
    return min(others, key=lambda length: (abs(length - own), length))
