"""Rows of a block, which know what rows they were picked from, so that what was said of those need not be looked up."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hierarchy.flow import Bools, Ints

Place = tuple[Bools | None, Ints | None]


class Rows:
    """Some of a block's cases, in order. Equal only to itself.

    Attributes:
        count: how many.
        whole: the rows these were picked from; None for all of a block's cases.
        mask: which of those, [len(whole)].
    """

    def __init__(self, count: int, whole: Rows | None = None, mask: Bools | None = None) -> None:
        self.count, self.whole, self.mask = count, whole, mask

    def where(self, mask: Bools) -> Rows:
        """Those of the rows that the mask [n] marks: the very same rows where it marks them all."""
        count = int(np.count_nonzero(mask))
        return self if count == self.count else Rows(count, self, mask)

    def __len__(self) -> int:
        return self.count

    @cached_property
    def picked(self) -> Ints:
        """The places of these rows among those they were picked from."""
        assert self.mask is not None
        return np.flatnonzero(self.mask)

    @cached_property
    def at(self) -> Ints:
        """Row numbers in the block."""
        if self.whole is None:
            return np.arange(self.count)
        return self.picked if self.whole.whole is None else self.whole.at.take(self.picked)

    def mark(self, column: NDArray[np.int8], code: np.int8 | NDArray[np.int8]) -> None:
        """Write a code, or one per row [n], into a column of the block [N] that has 0 there."""
        if self.whole is None:
            column[:] = code
        elif self.whole.whole is None and not isinstance(code, np.ndarray):
            column |= self.held.view(np.int8) * code  # a choice per case would cost a branch per case
        else:
            column[self.at] = code

    def among(self, other: Rows) -> Place | None:
        """Where these rows are among the other's: (which of them are, None for all; at what place, None where they are
        the same rows, 0 where they are not among them). None where none of them is."""
        if self is other:
            return None, None
        if self.inside(other):
            return None, self._places_in(other)
        ran = other.held.take(self.at)
        count = int(np.count_nonzero(ran))
        if not count:
            return None
        return (None if count == self.count else ran), other._place.take(self.at)

    def inside(self, other: Rows) -> bool:
        """Whether these rows were picked from the other's, or from others that were."""
        rows: Rows | None = self
        while rows is not None and rows is not other:
            rows = rows.whole
        return rows is other

    def _places_in(self, other: Rows) -> Ints:
        if other.whole is None:
            return self.at
        assert self.whole is not None
        return self.picked if self.whole is other else self.whole._places_in(other).take(self.picked)

    @cached_property
    def _size(self) -> int:
        return self.count if self.whole is None else self.whole._size

    @cached_property
    def held(self) -> Bools:
        """Which of the block's cases are among these, [N]."""
        if self.mask is not None and self.whole is not None and self.whole.whole is None:
            return self.mask
        held = np.zeros(self._size, bool)
        held[self.at] = True
        return held

    @cached_property
    def _place(self) -> Ints:
        """The place of each of the block's cases among these, [N]; 0 where it is not."""
        place = np.zeros(self._size, np.int64)
        place[self.at] = np.arange(self.count)
        return place
