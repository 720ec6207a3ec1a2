"""Verdicts on n cases, in words of bits. What conditions name is derived when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from agents.simulated import lanes
from agents.simulated.lanes import Words, byte
from agents.vocabulary import Verdict
from hierarchy.flow import Bools, Ints
from hierarchy.latent.said import Coded, Codes, Column, Floats
from hierarchy.plan import Plan

_MISSING, _ACCEPT, _ESCALATE = (np.int8(v) for v in (Verdict.MISSING, Verdict.ACCEPT, Verdict.ESCALATE))


def planes(word: Words, count: int) -> Bools:
    """The bits of words, [n, count]."""
    return lanes.planes(word, tuple(range(count)))


@dataclass(frozen=True)
class Scale:
    """Principles by bit: the place of each id in a word, and its severity."""

    place: dict[str, int]
    severity: tuple[float, ...]

    @classmethod
    def of(cls, plan: Plan) -> Scale:
        """Of the principles of a plan's steps."""
        place: dict[str, int] = {}
        severity = [0.0] * plan.places
        for step in plan.steps:
            for bit, principle in zip(step.bits, step.constitution.principles, strict=True):
                place[principle.id] = bit
                severity[bit] = float(principle.severity)
        return cls(place, tuple(severity))

    @cached_property
    def worst(self) -> tuple[Floats, ...]:
        """Largest severity among the bits of a byte, [256] per byte of a word."""
        bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
        padded = np.zeros(-(-len(self.severity) // 8) * 8, np.float32)
        padded[: len(self.severity)] = self.severity
        return tuple((bits * part).max(axis=1).astype(np.float32) for part in padded.reshape(-1, 8))


@dataclass(frozen=True)
class Review:
    """Verdicts of a reviewer or of a consensus.

    Attributes:
        flag: words [n], judged violated.
        present: words [n], could be read; None where all that was asked could.
        asked: words [n], or one mask for all cases.
        scale: where principles are and how severe.
        each: gives the confidence in every principle's verdict, [n, P], when asked.
        stuck: [n], a consensus that cannot decide; None where there is none.
        override: gives P(the prompt tries to override the rules) [n] when asked; None where that was not asked.
        dissent: gives the share of members outside the majority verdict [n] when asked.
    """

    flag: Words
    present: Words | None
    asked: Words | int
    scale: Scale
    each: Callable[[], Floats]
    stuck: Bools | None = None
    override: Callable[[], Floats] | None = None
    dissent: Callable[[], Coded | Floats] | None = None

    def take(self, rows: Ints) -> Review:
        """The given rows."""
        dissent, override = self.dissent, self.override
        return Review(
            self.flag.take(rows),
            None if self.present is None else self.present.take(rows),
            self.asked.take(rows) if isinstance(self.asked, np.ndarray) else self.asked,
            self.scale,
            lambda: self.each().take(rows, axis=0),
            None if self.stuck is None else self.stuck.take(rows),
            None if override is None else lambda: override().take(rows),
            None if dissent is None else lambda: dissent().take(rows),
        )

    @cached_property
    def flagged(self) -> Bools:
        """Whether anything was flagged."""
        return np.asarray(self.flag != 0)

    @cached_property
    def unread(self) -> Bools | None:
        """Whether something asked could not be read; None where everything could."""
        if self.present is None:
            return None
        asked = self.flag.dtype.type(self.asked) if isinstance(self.asked, int) else self.asked
        return np.asarray((asked & ~self.present) != 0)

    @cached_property
    def verdict(self) -> Codes:
        """Revise where something is flagged, else missing where something could not be read, else accept."""
        code: Codes = self.flagged.view(np.int8) + _ACCEPT
        if self.stuck is not None:
            return np.where(self.stuck, _ESCALATE, code)
        if self.unread is not None:
            return np.where(self.unread & ~self.flagged, _MISSING, code)
        return code

    @property
    def plain(self) -> bool:
        """Where everything could be read and decided."""
        return self.stuck is None and self.present is None

    @property
    def moves(self) -> bool:
        """Never."""
        return False

    def concludes(self, code: int) -> Bools:
        """Where the verdict is the one of this code, [n]."""
        if self.plain and code in (Verdict.ACCEPT, Verdict.REVISE):
            return self.flagged if code == Verdict.REVISE else ~self.flagged
        return np.asarray(self.verdict == code)

    def column(self, name: str) -> Column:
        """A field that conditions may name."""
        head, _, rest = name.partition(".")
        if rest:
            return self._of_principle(head, self.scale.place[rest])
        return self._DERIVED[name](self)

    def _of_principle(self, head: str, place: int) -> NDArray[Any]:
        flag = np.asarray((self.flag >> self.flag.dtype.type(place)) & 1).astype(bool)
        return flag if head == "flag" else flag * np.float32(self.scale.severity[place])

    def _severity(self) -> Floats:
        parts = [worst.take(byte(self.flag, g)) for g, worst in enumerate(self.scale.worst)]
        return reduce(np.maximum, parts)

    def _override(self) -> Floats:
        return np.full(len(self.flag), np.nan, np.float32) if self.override is None else self.override()

    def _disagreement(self) -> Column:
        return np.zeros(len(self.flag), np.float32) if self.dissent is None else self.dissent()

    @cached_property
    def read(self) -> Bools:
        """What was asked and could be read, [n, P]."""
        word = self.present if self.present is not None else self.asked
        count = len(self.scale.severity)
        if isinstance(word, int):
            return np.broadcast_to(planes(np.array([word], self.flag.dtype), count), (len(self.flag), count))
        return planes(word, count)

    @cached_property
    def _sure(self) -> Floats:
        return self.each()

    def _confidence(self) -> Floats:
        least = np.where(self.read, self._sure, np.float32(1.0)).min(axis=1, initial=1.0)
        found = np.asarray(least * self.read.any(axis=1), np.float32)
        # Who was asked nothing has no confidence, rather than none: no condition on it holds.
        return found if isinstance(self.asked, int) else np.where(self.asked == 0, np.float32(np.nan), found)

    def _suspicion(self) -> NDArray[np.float64]:
        sure = self._sure.astype(np.float64)
        chance = np.where(planes(self.flag, sure.shape[1]), sure, 1.0 - sure) * self.read
        return np.asarray(chance.max(axis=1, initial=0.0))

    _DERIVED: ClassVar[Mapping[str, Callable[[Review], Column]]] = {
        "missing": lambda self: np.asarray(self.verdict == Verdict.MISSING),
        "flagged": lambda self: self.flagged,
        "flags": lambda self: np.bitwise_count(self.flag),
        "severity": _severity,
        "confidence": _confidence,
        "uncertainty": lambda self: np.asarray(1.0 - self._confidence()),
        "override": _override,
        "disagreement": _disagreement,
        "suspicion": _suspicion,
    }
