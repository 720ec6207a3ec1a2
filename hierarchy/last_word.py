"""Who had the last word on a response: of all who judged it on a case's path, the one who judged it last.

A later word may be a stronger critic's, a consensus' or an auditor's. Steps that could not be read, those that only
passed the case on (escalate), and those that looked at no principle (an audit budget's window) said nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.vocabulary import RESPONDERS, REVIEWERS, Role, Verdict
from hierarchy.audit.records import POLICY
from hierarchy.block import Block
from hierarchy.flow import Bools, Ints
from hierarchy.plan import PlannedStep, Source

Codes = NDArray[np.int8]
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
        self._settled: dict[tuple[int, int], Codes] = {}
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

    def settled(self, step: PlannedStep, candidate: int) -> Codes:
        """What the last word found of each of the step's principles in what it judged (this candidate).

        [N, P]: 1 violated, 0 fine, -1 where the last word says nothing of it. A person judges the whole: one who
        accepts finds no principle violated, and one who does not says nothing of any.
        """
        key = (step.index, candidate)
        if key not in self._settled:
            last = self.on(step, candidate)
            code_NP = np.full((len(self.block), len(step.principles)), -1, np.int8)
            for index in np.unique(last[last >= 0]).tolist():
                rows = np.flatnonzero(last == index)
                code_NP[rows] = self._codes(self.block.plan.steps[index], rows, candidate, step.principles)
            self._settled[key] = code_NP
        return self._settled[key]

    def _codes(self, step: PlannedStep, rows: Ints, candidate: int, principles: Sequence[str]) -> Codes:
        """What a step found of these principles, [n, P] for the given rows."""
        if step.role is Role.AUDITOR:
            return np.where(self.accepts(step.index, rows), 0, -1)[:, None].astype(np.int8)
        own = self.own(step, candidate)[rows]
        out = np.full((len(rows), len(principles)), -1, np.int8)
        for p, name in enumerate(principles):
            if name in step.principles:
                out[:, p] = own[:, step.principles.index(name)]
        return out

    def own(self, step: PlannedStep, candidate: int) -> Codes:
        """What a step itself found in what it judged (this candidate): [N, P], coded likewise."""
        said, k = self.block.said(step.index), candidate if self.subject(step).wide else 0
        codes = np.where(said["finding_present"][:, k], said["finding_flag"][:, k], -1)
        return codes.astype(np.int8)

    def bears_out(self, step: PlannedStep, candidate: int) -> Bools:
        """Whether the last word found the same as this step: the same of every principle of which both say something.

        A person who does not accept bears out whoever found a violation. [N]; False where nobody spoke.
        """
        last, own, settled = self.on(step, candidate), self.own(step, candidate), self.settled(step, candidate)
        same = ((own < 0) | (settled < 0) | (own == settled)).all(axis=1)
        for index in np.unique(last[last >= 0]).tolist():
            if self.block.plan.steps[index].role is Role.AUDITOR:
                refused = (last == index) & ~self.accepts(index, np.arange(len(last)))
                same[refused] = (own[refused] > 0).any(axis=1)
        out: Bools = same & (last >= 0)
        return out

    def accepts(self, index: int, rows: Ints) -> Bools:
        """Whether a step let a response pass, for the given cases."""
        accepted: Bools = self.block.said(index)["verdict"][rows] == Verdict.ACCEPT
        return accepted
