"""Rows of a block, which know what rows they were picked from, so that what was said of those need not be looked up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hierarchy.flow import Bools, Ints

Place = tuple[Bools | None, Ints | None]


class Rows:
    """Some of a block's cases, in a fixed order. Equal only to itself.

    Attributes:
        count: how many.
        whole: the rows these were picked from; None for all of a block's cases, and for a union.
        mask: which of the whole's, [len(whole)].
        split: the exclusive step that they left so: others that left it from the same whole have no row in common with
            them. None where others may.
        parts: the disjoint rows these are the union of, one part after another; empty where they are no union.
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

    def where(self, mask: Bools, split: int | None = None) -> Rows:
        """Those of the rows that the mask [n] marks: the very same rows where it marks them all."""
        count = int(np.count_nonzero(mask))
        return self if count == self.count else Rows(count, self, mask, split)

    def any_of(self, parts: Sequence[Rows]) -> Rows:
        """The cases of a block, which these rows are all of, that are among some of the parts."""
        here = np.zeros(self.count, bool)
        for part in parts:
            here[part.at] = True
        count = int(np.count_nonzero(here))
        disjoint = count == sum(part.count for part in parts)
        return Rows(count, parts=tuple(parts)) if disjoint else self.where(here)

    def __len__(self) -> int:
        return self.count

    @property
    def all(self) -> bool:
        """Whether these are all of a block's cases."""
        return self.whole is None and not self.parts

    @cached_property
    def picked(self) -> Ints:
        """The places of these rows among those they were picked from."""
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

    def mark(self, column: NDArray[np.int8], code: np.int8 | NDArray[np.int8]) -> None:
        """Write a code, or one per row [n], into a column of the block [N] that has 0 there."""
        if self.all:
            column[:] = code
        elif self.whole is not None and self.whole.all and self.mask is not None and not isinstance(code, np.ndarray):
            column |= self.mask.view(np.int8) * code  # a choice per case would cost a branch per case
        else:
            column[self.at] = code

    def among(self, other: Rows, size: int) -> Place | None:
        """Where these rows of a block of `size` cases are among the other's: (which of them are, None for all; at what
        place, None where they are the same rows, 0 where they are not among them). None where none of them is."""
        if self is other:
            return None, None
        if self.inside(other):
            return None, self._places_in(other)
        if self._apart(other):
            return None
        held, place = np.zeros(size, bool), np.zeros(size, np.int64)
        held[other.at], place[other.at] = True, np.arange(other.count)
        ran = held.take(self.at)
        count = int(np.count_nonzero(ran))
        if not count:
            return None
        return (None if count == self.count else ran), place.take(self.at)

    def inside(self, other: Rows) -> bool:
        """Whether these rows were picked from the other's, or from others that were."""
        for rows in self._line():
            if rows is other:
                return True
            if rows.parts:
                return other.all or all(part.inside(other) for part in rows.parts)
        return False

    def _apart(self, other: Rows) -> bool:
        """Whether these rows, or those they were picked from, went another way than the other's at some step."""
        ways = {id(rows.whole): rows for rows in self._line() if rows.split is not None}
        for rows in other._line():
            mine = ways.get(id(rows.whole))
            if mine is not None and mine is not rows and mine.split == rows.split:
                return True
        return False

    def _line(self) -> Iterator[Rows]:
        """These rows, those they were picked from, and so on."""
        rows: Rows | None = self
        while rows is not None:
            yield rows
            rows = rows.whole

    def _places_in(self, other: Rows) -> Ints:
        """Where these rows, which are inside the other's, are among them."""
        if self is other:
            return np.arange(self.count)
        if other.all:
            return self.at
        if self.parts:
            return np.concatenate([part._places_in(other) for part in self.parts])
        assert self.whole is not None
        return self.picked if self.whole is other else self.whole._places_in(other).take(self.picked)
