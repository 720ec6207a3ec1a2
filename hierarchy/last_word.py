"""Who had the last word on a response: of all who judged it on a case's path, the one who judged it last.

A later word may be a stronger critic's, a consensus' or an auditor's. Steps that could not be read, those that only
passed the case on (escalate), and those that looked at no principle (an audit budget's window) said nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.vocabulary import RESPONDERS, REVIEWERS, Role, Verdict
from hierarchy.audit.records import POLICY
from hierarchy.block import Block
from hierarchy.flow import Bools, Ints
from hierarchy.plan import PlannedStep, Source

_SPEAKERS = (*REVIEWERS, Role.CONSENSUS, Role.AUDITOR)


@dataclass(frozen=True)
class Subject:
    """What a step judged, per case: the response's step [N] (-1: none) and candidate [N].

    `wide`: the step judged every candidate of that response step, and `candidate` is of no account.
    """

    where: Ints
    candidate: Ints
    wide: bool

    def has(self, where: Ints, candidate: Ints) -> Bools:
        """Whether this response is (among) what was judged, [N]."""
        same: Bools = (self.where == where) & (where >= 0)
        return same if self.wide else same & (self.candidate == candidate)


class LastWords:
    """The last words on the responses of a block."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self._subjects: dict[int, Subject] = {}
        self._flags: dict[tuple[int, int, int], dict[str, bool] | None] = {}
        self._findings: dict[int, tuple[Any, Any]] = {}
        self._speakers = [step for step in block.plan.steps if step.role in _SPEAKERS and step.asked]

    def subject(self, step: PlannedStep) -> Subject:
        """What a reviewing, deciding or voting step judged."""
        if step.index not in self._subjects:
            self._subjects[step.index] = self._find(step)
        return self._subjects[step.index]

    def _find(self, step: PlannedStep) -> Subject:
        plan, everything = self.block.plan, np.arange(len(self.block))
        if step.role is Role.CONSENSUS:
            return self._latest(step.members[0])
        if step.subject is None:
            where, candidate = self.block.pointer(step.responses, everything)
            return Subject(where, candidate, wide=False)
        if plan.steps[step.subject.instances[0]].role not in RESPONDERS:
            return self._latest(step.subject)
        where = np.full(len(self.block), -1)
        for index in step.subject.instances:
            where[self.block.ran[index]] = index
        return Subject(where, everything * 0, wide=True)

    def _latest(self, source: Source) -> Subject:
        """What the latest of these instances that ran judged, per case."""
        where, candidate = np.full(len(self.block), -1), np.zeros(len(self.block), np.int64)
        wide = False
        for index in source.instances:
            found, ran = self.subject(self.block.plan.steps[index]), self.block.ran[index]
            where[ran], candidate[ran], wide = found.where[ran], found.candidate[ran], found.wide
        return Subject(where, candidate, wide)

    def on(self, step: PlannedStep, candidate: int) -> Ints:
        """The index of the step with the last word on what `step` judged (this candidate, where it judged several).

        [N]; -1 where nobody said anything that counts.
        """
        mine = self.subject(step)
        which = np.full(len(self.block), candidate) if mine.wide else mine.candidate
        last = np.full(len(self.block), -1)
        for other in self._speakers:
            if other.index >= step.index:
                last[self._spoke(other) & self.subject(other).has(mine.where, which)] = other.index
        return last

    def _spoke(self, step: PlannedStep) -> Bools:
        said = self.block.said(step.index)
        spoke: Bools = self.block.ran[step.index] & ~np.isin(said["verdict"], (Verdict.MISSING, Verdict.ESCALATE))
        if step.role is Role.AUDITOR:
            spoke &= said["auditor"] != POLICY
        else:
            spoke &= np.asarray(said["finding_present"].any(axis=(1, 2)))
        return spoke

    def flags(self, index: int, n: int, candidate: int) -> dict[str, bool] | None:
        """Which principles a step found violated in a response to case n, of those it could judge.

        None for a person, who judges the whole and names no principle.
        """
        key = (index, n, candidate)
        if key not in self._flags:
            self._flags[key] = self._found(*key)
        return self._flags[key]

    def _found(self, index: int, n: int, candidate: int) -> dict[str, bool] | None:
        step = self.block.plan.steps[index]
        if step.role is Role.AUDITOR:
            return None
        if index not in self._findings:
            said = self.block.said(index)
            self._findings[index] = (said["finding_present"].tolist(), said["finding_flag"].tolist())
        k = candidate if self.subject(step).wide else 0
        present, flag = (column[n][k] for column in self._findings[index])
        return {name: found for name, there, found in zip(step.principles, present, flag, strict=True) if there}

    def accepts(self, index: int, n: int) -> bool:
        """Whether a step let a response pass."""
        return int(self.block.said(index)["verdict"][n]) == Verdict.ACCEPT
