"""Memory: the journal's rows of some cases, found by who asked and what was asked."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.columns import Output
from agents.view import Objects
from hierarchy.batch import Batch, Stored

Ints = NDArray[np.int64]


class Memory:
    """Finds rows by (arm, step instance, case, input hash): the step's own, else what any step of any arm said.

    The input hash covers the agent and all it may read, so an equal hash is an equal question with an equal answer. A
    decision after an appeal stands in place of the older ones: of a step's own rows, the newest epoch's is found.
    """

    def __init__(self, batches: Iterable[Batch | Stored] = ()) -> None:
        self._batches: list[Batch | Stored] = []
        self._starts: list[int] = []  # the number of each batch's first row; rows are numbered through
        self._count = 0
        self._own: dict[tuple[str, str], dict[int, _Index]] = {}
        self._any = _Index()
        for batch in batches:
            self.add(batch)

    def add(self, batch: Batch | Stored) -> None:
        """Remember a batch."""
        number = np.arange(self._count, self._count + len(batch.hash_N))
        self._batches.append(batch)
        self._starts.append(self._count)
        self._count += len(number)
        own = self._own.setdefault((batch.arm, batch.step), {})
        for index in (own.setdefault(batch.epoch, _Index()), self._any):
            index.add(batch.hash_N, number)

    def find(self, arm: str, step: str, case_id_N: Objects, hash_N: rng.Keys) -> tuple[Ints, Output | None]:
        """(indices of the cases that have a row, what these say); None where none has one."""
        number = np.full(len(hash_N), -1)
        own = self._own.get((arm, step), {})
        for index in (*(own[epoch] for epoch in sorted(own, reverse=True)), self._any):
            if (number < 0).any():
                number = np.where(number < 0, index.find(hash_N), number)
        have = np.flatnonzero(number >= 0)
        if not len(have):
            return have, None
        which = np.searchsorted(self._starts, number[have], side="right") - 1
        place = number[have] - np.array(self._starts)[which]
        parts, order = [], []
        for batch in np.unique(which):
            rows = np.flatnonzero(which == batch)
            part = self._batches[batch].take(place[rows])
            same = part.case_id_N == case_id_N[have[rows]]  # two cases may share a hash, once in 2^64
            parts.append(part.output if same.all() else part.output.take(same))
            order.append(have[rows[same]])
        found = np.concatenate(order)
        said = parts[0] if len(parts) == 1 else Output.join(parts)
        back = np.argsort(found, kind="stable")
        return found[back], said.take(back) if len(parts) > 1 else said


class _Index:
    """Numbers by hash, in sorted runs. A new run is merged with those that are no longer, so that there are few."""

    def __init__(self) -> None:
        self._runs: list[tuple[rng.Keys, Ints]] = []  # the oldest first

    def add(self, hash_N: rng.Keys, number: Ints) -> None:
        """Put rows in. Where a hash is there already, the older row is the one that is found."""
        while self._runs and len(self._runs[-1][0]) <= len(hash_N):
            hashes, numbers = self._runs.pop()
            hash_N, number = np.concatenate([hashes, hash_N]), np.concatenate([numbers, number])
        order = np.argsort(hash_N, kind="stable")
        self._runs.append((hash_N[order], number[order]))

    def find(self, hash_N: rng.Keys) -> Ints:
        """The number of each hash's first row; -1 where there is none."""
        found = np.full(len(hash_N), -1)
        for hashes, numbers in reversed(self._runs):  # the oldest has the last word
            if len(hashes):
                place = np.minimum(np.searchsorted(hashes, hash_N), len(hashes) - 1)
                found = np.where(hashes[place] == hash_N, numbers[place], found)
        return found
