"""Windows: a share of the cases in a declared window escalates, the most suspicious first (`hierarchy.rules.TopShare`).

A window is a run of consecutive cases in case order; whoever carries out a pass keeps windows whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.columns import Output
from agents.view import View
from agents.vocabulary import Role, Verdict
from hierarchy.absent import excused, voting
from hierarchy.fields import suspicion
from hierarchy.plan import Plan
from hierarchy.rules import TopShare

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """The performer of a consensus step with an audit budget.

    Its verdict is escalate or accept; `flagged`, `severity` and `confidence` tell whether a member flagged, the largest
    severity, and the mean confidence of the members.
    """

    rule: TopShare
    members: tuple[str, ...]

    def act(self, view: View) -> Output:
        """Rank the rows of each window and escalate the first k. Raises ValueError for a view without positions."""
        if view.position_N is None:
            raise ValueError("a window needs the rows' positions in the block")
        said = [(view.reads or {})[name] for name in self.members]
        heard = np.stack([member["verdict"] != Verdict.MISSING for member in said])
        votes = np.stack([voting(member) for member in said])
        score = np.stack([suspicion(member) for member in said])
        chosen = self.choose(score, votes, heard, view.cases.key_N, view.position_N)
        flagged: Bools = np.asarray(np.stack([member["flagged"] for member in said]).any(axis=0))
        return Output.of(
            Role.CONSENSUS,
            len(view),
            view.width,
            verdict=np.where(chosen, Verdict.ESCALATE, Verdict.ACCEPT),
            flagged=flagged,
            severity=np.stack([member["severity"] for member in said]).max(axis=0),
            confidence=np.stack([np.nan_to_num(member["confidence"]) for member in said]).sum(axis=0)
            / np.maximum((~np.stack([excused(member) for member in said])).sum(axis=0), 1),
        )

    def choose(
        self, score_MN: NDArray[np.float64], votes_MN: Bools, heard_MN: Bools, key_N: rng.Keys, position_N: Ints
    ) -> Bools:
        """Which of the N rows escalate: from the M members' suspicion, whether each has a say and could be read, the
        cases' keys, and the rows' places in a block of whole windows."""
        score = (score_MN * votes_MN).sum(axis=0) / np.maximum(votes_MN.sum(axis=0), 1)
        unread: Bools = np.asarray(~heard_MN.all(axis=0))
        chosen = unread.copy()
        for rows in _windows(position_N, self.rule.window):
            chosen[rows[self._first(score[rows], unread[rows], _lot(key_N[rows]))]] = True
        return chosen

    def _first(self, score: NDArray[np.float64], unread: Bools, lot: NDArray[np.float64]) -> Ints:
        """Which of a window's m rows the budget pays for: k by rank, of which the lottery's share by lot alone."""
        budget = int(Fraction(str(self.rule.percent)) * len(score) / 100)
        drawn = int(Fraction(str(self.rule.lottery)) * budget)
        ranked = np.lexsort((lot, -score, ~unread))
        by_rank, rest = ranked[: budget - drawn], ranked[budget - drawn :]
        out: Ints = np.concatenate([by_rank, rest[np.argsort(lot[rest], kind="stable")[:drawn]]])
        return out


def _lot(keys: rng.Keys) -> NDArray[np.float64]:
    return rng.uniform(rng.fold(keys, rng.key("window")))


def _windows(position_N: Ints, size: int | None) -> list[Ints]:
    """The rows of each window."""
    if size is None:
        return [np.arange(len(position_N))]
    which = position_N // size
    return [np.flatnonzero(which == one) for one in np.unique(which)]


def complete(ready_N: Bools, size: int | None) -> Bools:
    """`ready_N` with every row whose window is not ready as a whole taken out."""
    which = np.zeros(len(ready_N), np.int64) if size is None else np.arange(len(ready_N)) // size
    waiting = np.bincount(which, ~ready_N)
    out: Bools = ready_N & (waiting[which] == 0)
    return out


def whole_windows(block: int, cases: int, *plans: Plan) -> int:
    """The block size, made larger where a window of the plans would be cut: a multiple of all, or all the cases."""
    rules = [step.step.rule for plan in plans for step in plan.steps if isinstance(step.step.rule, TopShare)]
    sizes = [rule.window for rule in rules]
    if None in sizes:
        return max(block, cases)
    unit = lcm(*(size for size in sizes if size is not None))
    return -(-block // unit) * unit
