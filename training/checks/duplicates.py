"""Near-duplicate rows: MinHash signatures find candidates, and the exact Jaccard index of their shingles decides.

MinHash: Broder 1997; locality-sensitive hashing of its bands: Indyk and Motwani 1998, as in the package datasketch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from agents.figures import Record
from training.checks.spec import DuplicateSpec
from training.checks.words import Words, grams, words

_SHOWN = 3
_MISSED = 0.02
_CROWD = 1000
_DEVIATIONS = 5  # of the share of equal MinHash values below the threshold, from where on a pair is not compared


class Repeated(Record):
    """A row that is kept and how many later rows repeat it: `nearest` is the one least like it, `jaccard` how like."""

    kept: str
    kept_name: str
    repeats: int
    nearest: str
    nearest_name: str
    jaccard: float


class Duplicates(Record):
    """Rows that say what an earlier row said.

    Attributes:
        rows: rows in the set; repeats: rows at or above the threshold to a row kept before them, in the set's order:
            what dropping near-duplicates would drop; exact: those of them with the same words in the same order.
        candidates: pairs whose Jaccard index was computed.
        crowded: kept rows with which no later row was compared, because a thousand kept rows were candidates already;
            what repeats only them is not counted. So the time grows with the rows and not with the pairs.
        worst: the rows most often repeated.
    """

    rows: int
    repeats: int
    exact: int
    candidates: int
    crowded: int = 0
    worst: tuple[Repeated, ...] = ()

    @property
    def share(self) -> float | None:
        """Repeats of all rows."""
        return self.repeats / self.rows if self.rows else None


def shingles(some: Words, size: int) -> frozenset[Words]:
    """The set of all runs of `size` words; a text with fewer words is one shingle."""
    return frozenset(grams(some, size)) or frozenset([some])


def jaccard(a: frozenset[Words], b: frozenset[Words]) -> float:
    """Shared shingles of all shingles of both, from 0 to 1."""
    return len(a & b) / len(a | b)


def bands(threshold: float, permutations: int) -> tuple[int, int]:
    """How many bands of how many rows: the longest bands that miss a pair at the threshold in at most 2 % of cases.

    b bands of r rows miss a pair with Jaccard index s with the chance (1 - s^r)^b. Candidates are compared exactly, so
    too many of them cost time and no truth.
    """
    fitting = (r for r in range(permutations, 0, -1) if (1 - threshold**r) ** (permutations // r) <= _MISSED)
    rows = next(fitting, 1)
    return permutations // rows, rows


def near_duplicates(texts: Sequence[str], names: Sequence[str], spec: DuplicateSpec) -> Duplicates:
    """Compare every text with those kept before it; a text that is like none of them is kept.

    What is counted was compared exactly; a pair that MinHash does not make a candidate is missed, with the chance that
    `bands` keeps low.
    """
    read = [words(text) for text in texts]
    first: dict[Words, int] = {}
    original = [first.setdefault(some, i) for i, some in enumerate(read)]
    distinct = sorted(first.values())
    found = _near(distinct, [shingles(read[i], spec.shingle) for i in distinct], spec)
    like = {i: kept for i, (kept, _) in found.like.items()}
    groups: dict[int, list[int]] = {}
    for i, earlier in enumerate(original):
        kept = like.get(earlier, earlier)
        if kept != i:
            groups.setdefault(kept, []).append(i)
    similar = {i: index for i, (_, index) in found.like.items()}
    order = sorted(groups, key=lambda kept: (-len(groups[kept]), kept))[:_SHOWN]
    return Duplicates(
        rows=len(texts),
        repeats=sum(map(len, groups.values())),
        exact=len(read) - len(distinct),
        candidates=found.candidates,
        crowded=found.crowded,
        worst=tuple(_repeated(texts, names, original, similar, kept, groups[kept]) for kept in order),
    )


def _repeated(
    texts: Sequence[str],
    names: Sequence[str],
    original: Sequence[int],
    similar: dict[int, float],
    kept: int,
    others: Sequence[int],
) -> Repeated:
    index, least = min((similar.get(original[i], 1.0), i) for i in others)
    return Repeated(
        kept=texts[kept],
        kept_name=names[kept],
        repeats=len(others),
        nearest=texts[least],
        nearest_name=names[least],
        jaccard=index,
    )


class _Near(Record):
    """The kept text that each text is most like, and how like, by number; pairs compared; kept ones not looked up."""

    like: dict[int, tuple[int, float]]
    candidates: int
    crowded: int


def _near(numbers: Sequence[int], sets: Sequence[frozenset[Words]], spec: DuplicateSpec) -> _Near:
    from datasketch import MinHash, MinHashLSH  # its own imports take half a second

    lsh = MinHashLSH(num_perm=spec.permutations, params=bands(spec.threshold, spec.permutations))
    signatures = MinHash.generator((map(_bytes, some) for some in sets), num_perm=spec.permutations)
    values = np.empty((len(sets), spec.permutations), np.uint32)
    least = spec.threshold - _DEVIATIONS * math.sqrt(spec.threshold * (1 - spec.threshold) / spec.permutations)
    like: dict[int, tuple[int, float]] = {}
    candidates = crowded = 0
    for n, (number, some, signature) in enumerate(zip(numbers, sets, signatures, strict=True)):
        values[n] = signature.hashvalues
        near = np.array(lsh.query(signature), np.int64)
        likely = near[(values[near] == values[n]).mean(axis=1) >= least].tolist()
        candidates += len(likely)
        best, other = max(((jaccard(some, sets[i]), -i) for i in likely), default=(0.0, 0))
        if best >= spec.threshold:
            like[number] = (numbers[-other], best)
        elif len(near) < _CROWD:
            lsh.insert(n, signature)
        else:
            crowded += 1
    return _Near(like=like, candidates=candidates, crowded=crowded)


def _bytes(shingle: Words) -> bytes:
    return "\x1f".join(shingle).encode()
