"""Which verdicts of several reviewers on one response were divided or unsure, counted for all responses at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agents.reviews import Review

Ints = NDArray[np.int64]


@dataclass
class Verdicts:
    """The verdicts on responses that were judged principle by principle, in columns, in the order in which they fell.

    Attributes:
        number: of every response by (arm, case id, text); a text that two steps judged is one response.
        last: the step instance that judged it last, by number.
        principles, labels: what the codes in the columns mean.
    """

    number: dict[tuple[str, str, str], int] = field(default_factory=dict)
    last: dict[int, str] = field(default_factory=dict)
    principles: dict[str, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    _columns: list[tuple[Ints, Ints, Ints, NDArray[np.float64]]] = field(default_factory=list)

    def hear(self, review: Review, cases: Container[tuple[str, str]]) -> None:
        """Add what one step said on the responses of these cases, by (arm, case id)."""
        for k in range(review.response_NK.shape[1]):
            read = np.asarray(review.read_NKP[:, k].any(axis=1))
            told = zip(review.case_id_N.tolist(), review.response_NK[:, k].tolist(), read.tolist(), strict=True)
            response = np.array(
                [
                    self.number.setdefault((review.arm, case, text), len(self.number))
                    if there and text and (review.arm, case) in cases
                    else -1
                    for case, text, there in told
                ]
            )
            self.last |= dict.fromkeys(response.tolist(), review.step)
            row, p = np.nonzero(review.read_NKP[:, k] & (response >= 0)[:, None])
            principle = np.array([self.principles.setdefault(name, len(self.principles)) for name in review.principles])
            label = np.array([self.labels.setdefault(word, len(self.labels)) for word in review.labels])
            words = np.where(review.violated_NKP[row, k, p], label[0], label[1])
            self._columns.append((response[row], principle[p], words, review.confidence_NKP[row, k, p]))

    def doubts(self, confidence: float) -> dict[int, str]:
        """What is in doubt of every response on which some verdict is, by its number: principle by principle, in the
        order in which they were judged, the answer of most (of two as frequent, the earlier), by how many of the
        reviewers, and how sure they were on average. In doubt are verdicts that differ, and those less sure than
        `confidence`.
        """
        if not self._columns:
            return {}
        response, principle, label, sure = (np.concatenate(parts) for parts in zip(*self._columns, strict=True))
        width, words = max(len(self.principles), 1), max(len(self.labels), 1)
        cell = response * width + principle
        cells, count = len(self.number) * width, len(cell)
        said = np.bincount(cell * words + label, minlength=cells * words).reshape(cells, words)
        first = np.full((cells, words), count)
        np.minimum.at(first, (cell, label), np.arange(count))
        most = (said * (count + 1) - first).argmax(axis=1)
        total = said.sum(axis=1)
        mean = np.bincount(cell, sure, cells) / np.maximum(total, 1)
        unsure = np.flatnonzero((total > 0) & ((said.max(axis=1) < total) | (mean < confidence)))
        unsure = unsure[np.lexsort((first[unsure].min(axis=1), unsure // width))]
        columns = (unsure // width, unsure % width, most[unsure], said.max(axis=1)[unsure], total[unsure], mean[unsure])
        return self._worded(*(column.tolist() for column in columns))

    def _worded(self, *columns: Sequence[float]) -> dict[int, str]:
        principles, labels, notes = list(self.principles), list(self.labels), defaultdict[int, list[str]](list)
        for response, p, word, by, total, sure in zip(*columns, strict=True):
            notes[int(response)].append(
                f"{principles[int(p)]}: {labels[int(word)]} by {by} of {total}, {sure:.0%} sure."
            )
        return {response: " ".join(note) for response, note in notes.items()}
