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
_Places = dict[int, int]


class Memory:
    """Finds rows by (arm, step instance, case, input hash): the step's own, else what any step of any arm said.

    The input hash covers the agent and all it may read, so an equal hash is an equal question with an equal answer.
    """

    def __init__(self, batches: Iterable[Batch | Stored] = ()) -> None:
        self._batches: list[Batch | Stored] = []
        self._starts: list[int] = []  # the number of each batch's first row; rows are numbered through
        self._count = 0
        self._own: dict[tuple[str, str], _Places] = {}
        self._any: _Places = {}
        for batch in batches:
            self.add(batch)

    def add(self, batch: Batch | Stored) -> None:
        """Remember a batch."""
        hashes = batch.hash_N.tolist()
        numbers = range(self._count, self._count + len(hashes))
        self._batches.append(batch)
        self._starts.append(self._count)
        self._count += len(hashes)
        self._own.setdefault((batch.arm, batch.step), {}).update(zip(hashes, numbers, strict=True))
        for hash_, number in zip(hashes, numbers, strict=True):
            self._any.setdefault(hash_, number)  # the first stays, as later rows may come while this run goes on

    def find(self, arm: str, step: str, case_id_N: Objects, hash_N: rng.Keys) -> tuple[Ints, Output | None]:
        """(indices of the cases that have a row, what these say); None where none has one."""
        number = self._numbers(arm, step, hash_N)
        have = np.flatnonzero(number >= 0)
        if not len(have):
            return have, None
        which = np.searchsorted(self._starts, number[have], side="right") - 1
        place = number[have] - np.array(self._starts)[which]
        parts, order = [], []
        for index in np.unique(which):
            rows = np.flatnonzero(which == index)
            part = self._batches[index].take(place[rows])
            same = part.case_id_N == case_id_N[have[rows]]  # two cases may share a hash, once in 2^64
            parts.append(part.output.take(same) if not same.all() else part.output)
            order.append(have[rows[same]])
        found = np.concatenate(order)
        back = np.argsort(found, kind="stable")
        said = parts[0] if len(parts) == 1 else Output.join(parts)
        return (found, said) if (back == np.arange(len(back))).all() else (found[back], said.take(back))

    def _numbers(self, arm: str, step: str, hash_N: rng.Keys) -> Ints:
        own, other = self._own.get((arm, step), {}), self._any
        if not other:
            return np.full(len(hash_N), -1)
        if not own:
            return np.array([other.get(hash_, -1) for hash_ in hash_N.tolist()], np.int64)
        return np.array([own.get(hash_, other.get(hash_, -1)) for hash_ in hash_N.tolist()], np.int64)
