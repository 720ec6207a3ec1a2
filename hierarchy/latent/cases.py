"""Numbered cases: nothing but a number, the random key that follows from it, and a difficulty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.simulated.streams import Seen, levels_of
from agents.view import OVERRIDE, overrides


@dataclass(frozen=True)
class LatentCases:
    """Numbers [N], the cases' random keys [N] and their difficulty levels [N]; which prompts try to override the rules
    [N], None where nothing is said of it."""

    number: NDArray[np.uint64]
    key_n: rng.Keys
    level_n: NDArray[np.uint8]
    override_n: NDArray[np.bool_] | None = None

    @classmethod
    def numbered(cls, first: int, count: int, override: float = 0.0) -> LatentCases:
        """`count` cases from number `first` on, with the keys and override attempts of `Cases.numbered`."""
        return cls.of(np.arange(first, first + count, dtype=np.uint64), override)

    @classmethod
    def of(cls, number: NDArray[np.uint64], override: float = 0.0) -> LatentCases:
        """The cases of these numbers."""
        key_n = rng.numbered(number)
        return cls(number, key_n, levels_of(key_n), overrides(key_n, override) if override else None)

    @property
    def tags(self) -> NDArray[np.object_]:
        """The cases' tags, as `Cases.numbered` has them, [N]."""
        out = np.full(len(self), None, object)
        if self.override_n is not None:
            out[:] = [(OVERRIDE,) if tries else () for tries in self.override_n.tolist()]
        return out

    def seen(self, rows: NDArray[np.integer[Any]]) -> Seen:
        """What agents see of the given cases."""
        tries = None if self.override_n is None else self.override_n.take(rows)
        return Seen(self.key_n.take(rows), self.level_n.take(rows), tries)

    def __len__(self) -> int:
        return len(self.number)
