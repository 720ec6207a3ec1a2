"""Early stopping of a sweep: who is beaten, looked at as often as one likes, without spending the error rate twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from experiments.statistics import worse_evidence
from experiments.statistics.exact import holm

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Left:
    """A runner that left: after how many cases, beaten by whom, at which any-time p after Holm's correction."""

    cases: int
    by: str
    p: float


@dataclass
class Race:
    """A declared family of runners that flag the same cases; fewer flags are better.

    The family of claims is every ordered pair, "i is worse than j". Each keeps the smallest any-time p it ever had
    (`worse_evidence`); Holm's correction is over all of the K (K - 1), those of runners that left included. So over all
    looks together, the chance that any runner leaves who is not worse than the one it was said to be beaten by is at
    most `alpha`. Cases must be independent.
    """

    names: tuple[str, ...]
    alpha: float
    left: dict[str, Left] = field(default_factory=dict)
    cases: int = 0

    def __post_init__(self) -> None:
        count = len(self.names)
        self.only = np.zeros((count, count), np.int64)  # [i, j]: cases that i flags and j does not
        self.smallest = np.ones((count, count))

    @property
    def running(self) -> list[str]:
        """Who has not left, in order."""
        return [name for name in self.names if name not in self.left]

    def look(self, flags: Mapping[str, Bools]) -> None:
        """Count the flags of new cases, the same cases for everybody who runs, and let those leave who are beaten."""
        if sorted(flags) != sorted(self.running):
            raise ValueError(f"flags are needed of {', '.join(self.running)}; got {', '.join(flags)}")
        if not flags:
            return
        at = np.array([self.names.index(name) for name in flags])
        new = np.stack(list(flags.values())).astype(np.float32)
        both = (new @ new.T).round().astype(np.int64)
        self.only[np.ix_(at, at)] += np.diag(both)[:, None] - both
        self.cases += new.shape[1]
        evidence = worse_evidence(self.only, self.only.T)[np.ix_(at, at)]
        p = np.exp(-np.maximum(evidence, 0.0))
        self.smallest[np.ix_(at, at)] = np.minimum(self.smallest[np.ix_(at, at)], p)
        self._leave(at)

    def withdraw(self, names: Sequence[str]) -> None:
        """Take out runners that cannot be measured; they are beaten by nobody."""
        for name in names:
            self.left.setdefault(name, Left(self.cases, "", 1.0))

    def _leave(self, running: NDArray[np.int64]) -> None:
        pairs = ~np.eye(len(self.names), dtype=bool)
        adjusted = np.ones_like(self.smallest)
        adjusted[pairs] = holm(self.smallest[pairs].tolist())
        for i in running.tolist():
            j = int(np.argmin(adjusted[i]))
            if adjusted[i, j] <= self.alpha:
                self.left[self.names[i]] = Left(self.cases, self.names[j], float(adjusted[i, j]))
