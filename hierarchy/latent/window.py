"""Windows over cases without text: the most suspicious share escalates, as `hierarchy.windows` ranks them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.vocabulary import Verdict
from hierarchy.flow import Bools, Ints
from hierarchy.latent.consensus import Member
from hierarchy.latent.hearing import member
from hierarchy.latent.said import Coded, Codes, Column
from hierarchy.latent.view import LatentView
from hierarchy.rules import TopShare
from hierarchy.windows import Window


@dataclass(frozen=True)
class Ranked:
    """Who of a window escalates, [n], and what the members said: whether one flagged, the largest severity, the mean
    confidence."""

    chosen: Bools
    flagged: Bools
    severity: NDArray[np.float32]
    confidence: NDArray[np.float32]

    @property
    def verdict(self) -> Codes:
        """Escalate or accept."""
        return np.where(self.chosen, np.int8(Verdict.ESCALATE), np.int8(Verdict.ACCEPT))

    @property
    def plain(self) -> bool:
        """Never: some escalate."""
        return False

    @property
    def moves(self) -> bool:
        """Never."""
        return False

    def take(self, rows: Ints) -> Ranked:
        """The given rows."""
        return Ranked(*(column.take(rows) for column in vars(self).values()))

    def column(self, name: str) -> Column:
        """A field that conditions may name."""
        match name:
            case "flagged" | "severity" | "confidence":
                found: NDArray[Any] = getattr(self, name)
                return found
            case "uncertainty":
                return np.asarray(1.0 - self.confidence)
            case "missing":
                return np.zeros(len(self.chosen), bool)
        return np.zeros(len(self.chosen), np.float32)


@dataclass(frozen=True)
class LatentWindow:
    """A consensus step with an audit budget; its block holds whole windows."""

    rule: TopShare

    def act(self, view: LatentView) -> Ranked:
        """Rank the rows of each window and escalate the first."""
        members = [member(view, source) for source in view.step.members]
        heard, voting = (np.stack(planes) for planes in zip(*(_speaks(one, len(view)) for one in members), strict=True))
        score, severity, sure = (
            np.stack([_numbers(said.column(name)) for _, said in members])
            for name in ("suspicion", "severity", "confidence")
        )
        excused = np.stack([_excused(one, len(view)) for one in members])
        window = Window(self.rule, view.step.step.members)
        asked = (~excused).sum(axis=0)
        return Ranked(
            window.choose(score, voting, heard, view.seen.key_n, view.rows.at),
            reduce(or_, [said.flagged & ran for (_, said), ran in zip(members, heard, strict=True)]),
            np.where(heard, severity, 0.0).max(axis=0).astype(np.float32),
            (np.where(heard, np.nan_to_num(sure), 0.0).sum(axis=0) / np.maximum(asked, 1)).astype(np.float32),
        )


def _speaks(one: Member, count: int) -> tuple[Bools, Bools]:
    """Whether a member could be read, and whether it has a say, [n] each."""
    ran, said = one
    heard = np.asarray(said.verdict != Verdict.MISSING)
    heard = heard if ran is None else heard & ran
    return heard, heard & ~_excused(one, count)


def _excused(one: Member, count: int) -> Bools:
    """Who was asked nothing, [n]."""
    ran, said = one
    nothing = np.asarray(said.asked == 0) if isinstance(said.asked, np.ndarray) else np.zeros(count, bool)
    return nothing if ran is None else nothing & ran


def _numbers(column: Column) -> NDArray[np.float64]:
    return column.numbers if isinstance(column, Coded) else column.astype(np.float64)
