"""Rows of a block, which know what rows they were picked from, so that what was said of those need not be looked up.

Rows relate to one another by how they came about: rows picked from others lie inside them; rows that went different
ways at a step with exclusive edges have none in common, and neither have any rows picked from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from hierarchy.flow import Bools, Ints


class Rows:
    """Some of a block's cases, in a fixed order.

    Made by `everybody`, `where` and `union`. Equal only to itself.

    Attributes:
        count: how many.
        whole: the rows these were picked from; None for all of a block's cases, and for a union.
        split: the exclusive step that sent them apart from others picked from the same rows; None where others may
            share some with them.
        parts: the disjoint rows these are the union of, in order; empty where they are no union.
    """

    def __init__(
        self,
        count: int,
        whole: Rows | None = None,
        mask: Bools | None = None,
        split: int | None = None,
        parts: tuple[Rows, ...] = (),
    ) -> None:
        self.count, self.whole, self.mask, self.split, self.parts = count, whole, mask, split, parts
        self._relations: dict[Rows, bool | None] = {}
        self._places: dict[Rows, Ints | None] = {}

    @classmethod
    def everybody(cls, count: int) -> Rows:
        """All cases of a block."""
        return cls(count)

    @classmethod
    def union(cls, parts: Sequence[Rows]) -> Rows | None:
        """The rows of all parts, part by part; None where some of the parts may have rows in common."""
        for i, part in enumerate(parts):
            if any(part.inside(other) is not False for other in parts[:i]):
                return None
        return cls(sum(part.count for part in parts), parts=tuple(parts))

    def where(self, mask: Bools, split: int | None = None) -> Rows:
        """Those of the rows that the mask [n] marks: the very same rows where it marks them all."""
        count = int(np.count_nonzero(mask))
        return self if count == self.count else Rows(count, self, mask, split)

    def __len__(self) -> int:
        return self.count

    @property
    def all(self) -> bool:
        """Whether these are all of a block's cases by construction."""
        return self.whole is None and not self.parts

    @cached_property
    def picked(self) -> Ints:
        """The places of these rows among those they were picked from, ascending."""
        assert self.mask is not None
        return np.flatnonzero(self.mask)

    @cached_property
    def at(self) -> Ints:
        """Row numbers in the block."""
        if self.parts:
            return np.concatenate([part.at for part in self.parts])
        if self.whole is None:
            return np.arange(self.count)
        return self.picked if self.whole.all else self.whole.at.take(self.picked)

    def inside(self, other: Rows) -> bool | None:
        """True: all of these rows are among the other's. False: none is. None: not known."""
        if self is other or other.all:
            return True
        if other not in self._relations:
            self._relations[other] = self._inside(other)
        return self._relations[other]

    def _inside(self, other: Rows) -> bool | None:
        if self.parts:
            found = {part.inside(other) for part in self.parts}
            return found.pop() if len(found) == 1 else None
        if other.parts:
            found = {self.inside(part) for part in other.parts}
            if True in found or found == {False}:
                return True in found
        if self.whole is None:
            return None
        above = self.whole.inside(other)
        return self._beside(other) if above is None else above

    def _beside(self, other: Rows) -> bool | None:
        """False where the other rows were picked from rows that went another way than these; None otherwise."""
        ancestor: Rows | None = other
        while ancestor is not None and ancestor is not self:
            if ancestor.parts:
                return False if ancestor is not other and self.inside(ancestor) is False else None
            if ancestor.whole is self.whole:
                return False if self.split is not None and ancestor.split == self.split else None
            ancestor = ancestor.whole
        return None

    def places_in(self, other: Rows) -> Ints | None:
        """Where these rows are among the other's, which they are all inside; None where they are the same rows."""
        if self is other:
            return None
        if other not in self._places:
            self._places[other] = self._places_in(other)
        return self._places[other]

    def _places_in(self, other: Rows) -> Ints:
        if other.all:
            return self.at
        if self.parts:
            return np.concatenate([_numbers(part, other) for part in self.parts])
        if self.whole is not None and self.whole.inside(other):
            above = self.whole.places_in(other)
            return self.picked if above is None else above.take(self.picked)
        first = 0
        for part in other.parts:
            if self.inside(part):
                return _numbers(self, part) + first
            first += part.count
        raise ValueError("these rows are not inside the others")


def _numbers(rows: Rows, other: Rows) -> Ints:
    places = rows.places_in(other)
    return np.arange(rows.count) if places is None else places
