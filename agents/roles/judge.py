"""The judge: which of several options is better. Every pair is asked in both orders, so that position cancels out."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from agents.asking import Asker, Ints, reviewed, texts
from agents.columns import Output
from agents.model import Scored, Use
from agents.roles.label import label
from agents.view import View
from agents.vocabulary import Verdict


def compare(asker: Asker, view: View) -> Output:
    """Scores are mean win probabilities over the other present options; equal texts tie; the first best is chosen.

    An option that is absent has no score. With one option present it is chosen unasked; with none, or with any answer
    unreadable, the judgement is missing.
    """
    if view.labels:
        return label(asker, view)
    subject, latent, present, _ = reviewed(view)
    n, options = present.shape
    wins, pairs = np.zeros((n, options)), np.zeros((n, options))
    unread = np.zeros(n, bool)
    calls, tokens = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for a, b in permutations(range(options), 2):
        both = present[:, a] & present[:, b]
        same = both & (subject[:, a] == subject[:, b]) & (latent[:, a] == latent[:, b])
        rows = np.flatnonzero(both & ~same)
        scored = _asked(asker, view, rows, a, b)
        first = np.full(n, 0.5)
        first[rows] = scored.probability_NL[:, 0]
        unread |= np.isnan(first)
        first = np.nan_to_num(first)
        wins[:, a] += both * first
        wins[:, b] += both * (1.0 - first)
        pairs[:, a] += both
        pairs[:, b] += both
        calls[rows] += 1
        tokens[rows] += scored.tokens_N
    score = np.where(pairs > 0, wins / np.maximum(pairs, 1), np.where(present, 1.0, np.nan))
    read = present.any(axis=1) & ~unread
    best = np.where(present, score, -1.0)
    return Output.of(
        view.role,
        n,
        view.width,
        verdict=np.where(read, Verdict.ACCEPT, Verdict.MISSING),
        chosen=np.where(read, best.argmax(axis=1), -1),
        confidence=np.where(read, best.max(axis=1), 0.0),
        score=np.where(read[:, None], score, np.nan),
        calls=calls,
        tokens=tokens,
    )


def _asked(asker: Asker, view: View, rows: Ints, a: int, b: int) -> Scored:
    """Is option a, shown first, better than option b?"""
    subject, _, _, revision = reviewed(view)
    words = asker.style.labels
    return asker.score(
        Use.COMPARE,
        view,
        "judge",
        rows,
        (words.first, words.second),
        seed=asker.seeds(Use.COMPARE, view, rows, revision[rows, a], revision[rows, b], a, b),
        slots={"first": lambda: texts(subject[rows, a]), "second": lambda: texts(subject[rows, b])},
    )
