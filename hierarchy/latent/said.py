"""What a step said about n cases, in words of bits: an answer, a choice, a decision; see `review` for verdicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.simulated.lanes import Words
from agents.simulated.streams import Revision
from agents.vocabulary import Verdict
from hierarchy.flow import Bools, Ints

Codes = NDArray[np.int8]
Floats = NDArray[np.float32]
_MISSING, _ACCEPT = np.int8(Verdict.MISSING), np.int8(Verdict.ACCEPT)


@dataclass(frozen=True)
class Coded:
    """A column of few numbers: row i has values[codes[i]]; codes are small unsigned integers [n]."""

    codes: NDArray[np.uint8]
    values: tuple[float, ...]

    def take(self, rows: Ints) -> Coded:
        """The given rows."""
        return Coded(self.codes.take(rows), self.values)

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The column written out."""
        return np.array(self.values, np.float64).take(self.codes)

    def among(self, wanted: tuple[int, ...]) -> Bools:
        """Where the row's code is one of those wanted, [n]."""
        return reduce(or_, [self.codes == code for code in wanted]) if wanted else np.zeros(len(self.codes), bool)


Column = NDArray[Any] | Coded


class Said(Protocol):
    """What every step's word has: verdict codes, and fields that conditions may name."""

    @property
    def verdict(self) -> Codes:
        """Verdict codes [n]."""
        ...

    @property
    def plain(self) -> bool:
        """Whether no verdict can be missing or escalate."""
        ...

    @property
    def moves(self) -> bool:
        """Whether it set some case's response."""
        ...

    def column(self, name: str) -> Column:
        """A field other than the verdict by name, [n]."""
        ...

    def take(self, rows: Ints) -> Said:
        """The given rows."""
        ...


def taken(revision: Revision, rows: Ints) -> Revision:
    """The revision of the given rows."""
    return revision if isinstance(revision, int) else revision.take(rows)


@dataclass(frozen=True)
class Response:
    """An answer: its violations as words [n], its revision number, and whether the cases have one (None: all do)."""

    word: Words
    revision: Revision

    @cached_property
    def verdict(self) -> Codes:
        """Accept: an answer was written."""
        return np.full(len(self.word), _ACCEPT)

    @property
    def plain(self) -> bool:
        """Always."""
        return True

    @property
    def moves(self) -> bool:
        """Always."""
        return True

    def take(self, rows: Ints) -> Response:
        """The given rows."""
        return Response(self.word.take(rows), taken(self.revision, rows))

    def column(self, name: str) -> NDArray[Any]:
        """Only whether it is missing: never."""
        return np.zeros(len(self.word), bool)


@dataclass(frozen=True)
class Choice:
    """A judge's choice among options: its index [n], -1 where there was nothing to choose."""

    chosen: NDArray[np.int16]
    sure: Callable[[], Floats]

    @cached_property
    def verdict(self) -> Codes:
        """Accept where there is a choice."""
        return np.where(self.chosen >= 0, _ACCEPT, _MISSING)

    @property
    def plain(self) -> bool:
        """Not known without looking."""
        return False

    @cached_property
    def moves(self) -> bool:
        """Where there was something to choose."""
        return bool((self.chosen >= 0).any())

    def take(self, rows: Ints) -> Choice:
        """The given rows."""
        return Choice(self.chosen.take(rows), lambda: self.sure().take(rows))

    def column(self, name: str) -> NDArray[Any]:
        """A field that conditions may name."""
        match name:
            case "missing":
                return np.asarray(self.chosen < 0)
            case "chosen":
                return self.chosen
            case "confidence":
                return self.sure()
            case "uncertainty":
                return np.asarray(1.0 - self.sure())
        raise KeyError(name)


@dataclass(frozen=True)
class Decision:
    """An auditor's: verdict codes [n] (missing where nobody has decided), revisions of those who revised.

    `policy` are the cases that nobody reviewed and the graph's policy answers, None for none; `minutes` are
    what each decision took, [n] or one for all.
    """

    verdict: Codes
    word: Words
    revision: Revision
    policy: Bools | None = None
    minutes: float | NDArray[np.float64] = 0.0

    @property
    def plain(self) -> bool:
        """A decision is one; what nobody decided is parked before it is sent on."""
        return True

    @cached_property
    def moves(self) -> bool:
        """Where somebody revised."""
        return bool((self.verdict == Verdict.REVISE).any())

    def take(self, rows: Ints) -> Decision:
        """The given rows."""
        policy = None if self.policy is None else self.policy.take(rows)
        minutes = self.minutes.take(rows) if isinstance(self.minutes, np.ndarray) else self.minutes
        return Decision(self.verdict.take(rows), self.word.take(rows), taken(self.revision, rows), policy, minutes)

    def column(self, name: str) -> NDArray[Any]:
        """A field that conditions may name."""
        assert name == "missing"
        return np.asarray(self.verdict == Verdict.MISSING)
