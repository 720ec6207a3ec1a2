"""The Vendi score (Friedman and Dieng 2023): how many different answers there are, in effect.

With a similarity matrix K of n texts, ones on its diagonal, it is exp(-sum of l ln l) over the eigenvalues l of K/n:
the exponential of the von Neumann entropy. n texts without anything in common score n; n times the same text scores 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse, stats

from agents.figures import Estimate, Record
from training.checks.spec import Kernel
from training.checks.words import Words, grams

Floats = NDArray[np.float64]
_LONGEST = 2
_GROUPS = 10


class Vendi(Record):
    """The Vendi score of `n` sampled texts, from 1 to n, under a kernel.

    `ngrams`: cosine of counts of words and pairs of words. `hidden`: cosine of the mean last hidden state of the model
    that learns. The score grows with n: compare it at equal n. The interval is by a jackknife over 10 groups of texts.
    """

    n: int
    kernel: Kernel
    value: Estimate


def vendi(kernel_NN: Floats) -> float:
    """The Vendi score of a similarity matrix: symmetric, positive semidefinite, ones on the diagonal."""
    shares = linalg.eigvalsh(kernel_NN / len(kernel_NN))
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def vendi_of(kernel_NN: Floats, kernel: Kernel) -> Vendi:
    """The score with its interval: value ± t s, s² = (G-1)/G · sum of (score without group g - their mean)².

    (Delete-a-group jackknife: Kott 2001. Texts are in groups by turns, in the order given.) None without texts.
    """
    n = len(kernel_NN)
    if not n:
        return Vendi(n=0, kernel=kernel, value=Estimate(value=None, low=None, high=None))
    value, groups = vendi(kernel_NN), min(_GROUPS, n)
    if n < 2:
        return Vendi(n=n, kernel=kernel, value=Estimate(value=value, low=None, high=None))
    group = np.arange(n) % groups
    without = np.array([vendi(kernel_NN[np.ix_(group != g, group != g)]) for g in range(groups)])
    error = np.sqrt((groups - 1) / groups * ((without - without.mean()) ** 2).sum())
    half = float(stats.t.ppf(0.975, groups - 1) * error)
    return Vendi(n=n, kernel=kernel, value=Estimate(value=value, low=max(1.0, value - half), high=min(n, value + half)))


def ngram_kernel(texts: Sequence[Words]) -> Floats:
    """Cosine of counts of all words and pairs of neighbouring words, [N, N]. Texts without words are alike."""
    columns: dict[Words, int] = {}
    rows, places, counts = [], [], []
    for i, text in enumerate(texts):
        found = Counter(gram for n in range(1, _LONGEST + 1) for gram in grams(text, n)) or Counter([text])
        rows += [i] * len(found)
        places += [columns.setdefault(gram, len(columns)) for gram in found]
        counts += list(found.values())
    features = sparse.csr_matrix((counts, (rows, places)), shape=(len(texts), len(columns)), dtype=np.float64)
    return cosine((features @ features.T).toarray())


def cosine(products_NN: Floats) -> Floats:
    """Inner products scaled to ones on the diagonal."""
    norms = np.sqrt(np.diag(products_NN))
    return np.asarray(products_NN / np.outer(norms, norms))
