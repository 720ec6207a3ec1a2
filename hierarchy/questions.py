"""What the overseers of an arm were asked and answered, case by case, and what the last word on it was.

Hidden layer. Only overseers that are asked in words have any; see `agents.records.Question`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from functools import cached_property
from itertools import permutations

import numpy as np

from agents.columns import Output
from agents.listening import Heard, listen
from agents.model import Use
from agents.records import Question
from agents.view import Objects
from agents.vocabulary import REVIEWERS, Role
from hierarchy.arm import Arm
from hierarchy.block import Block
from hierarchy.flow import Ints
from hierarchy.last_word import LastWords
from hierarchy.plan import PlannedStep

_FINDINGS = (Use.VERDICT, Use.SCREEN, Use.REVIEW_CRITIC)
_USES = {Role.JUDGE: {Use.COMPARE, Use.LABEL}, Role.SAFETY: {Use.SCREEN, Use.OVERRIDE, Use.LABEL}}
_CRITICS = {Use.CRITIQUE, Use.VERDICT, Use.REVIEW_CRITIC, Use.LABEL}
_Answered = Iterator[tuple[int, str, str | None]]
"""Of the questions of a call that have an answer: which one it is, the answer, and what was settled."""


def questions(arm: Arm, block: Block, uses: Collection[str] = tuple(Use)) -> list[Question]:
    """The questions of these uses to the arm's critics, safety models and judges that have an answer, in the order of
    the plan. To put them in words takes longest; `hierarchy.reviews` tells the answers alone.

    Raises InputError for a simulated overseer.
    """
    words = LastWords(block)
    found: list[Question] = []
    for step in block.plan.steps:
        if step.role in (*REVIEWERS, Role.JUDGE) and step.asked and _USES.get(step.role, _CRITICS) & set(uses):
            rows = np.flatnonzero(block.ran[step.index])
            if len(rows):
                found += _Asked(arm, block, step, rows, words).questions(uses)
    return found


class _Asked:
    """One step's questions. `rows` are the cases it ran on; what was heard is numbered within them."""

    def __init__(self, arm: Arm, block: Block, step: PlannedStep, rows: Ints, words: LastWords) -> None:
        self.arm, self.block, self.step, self.rows, self.words = arm, block, step, rows, words
        self.said: Output = block.said(step.index).take(rows)
        self.view = block.view(step, rows)

    def questions(self, uses: Collection[str]) -> Iterator[Question]:
        """What the step was asked, use by use."""
        calls = listen(self.arm.agent(str(self.step.step.agent)), self.view, self.said, uses)
        pairs = permutations(range(self.said["score"].shape[1] if self.step.role is Role.JUDGE else 0), 2)
        for call in calls:
            match call.use:
                case Use.CRITIQUE:
                    yield from self._asked(call, self._critiques(call))
                case Use.COMPARE:
                    yield from self._asked(call, self._comparisons(call, *next(pairs)))
                case Use.OVERRIDE:
                    yield from self._asked(call, self._overrides(call))
                case Use.LABEL:
                    yield from self._asked(call, self._labels(call))
                case use if use in _FINDINGS:
                    yield from self._asked(call, self._findings(call))

    def _asked(self, call: Heard, answered: _Answered) -> Iterator[Question]:
        arm, step, role, use = self.arm.name, self.step.name, self.step.role.value, call.use.value
        ids = list(map(str, self.view.cases.case_id_N.tolist()))
        for i, answer, settled in answered:
            messages, opens_turn = call.prompts[i]
            yield Question(arm, ids[call.rows[i]], step, role, use, messages, answer, settled, opens_turn)

    def _critiques(self, call: Heard) -> _Answered:
        assert self.view.subject is not None
        first = self.view.subject.present_NK.argmax(axis=1)  # of several candidates the critique is of the first
        borne_out = {k: self.words.bears_out(self.step, k)[self.rows].tolist() for k in np.unique(first).tolist()}
        cells = zip(self.said["critique"].tolist(), first.tolist(), strict=True)
        told = [(text, borne_out[k][row]) for row, (text, k) in enumerate(cells)]
        for i, row in enumerate(call.rows):
            text, found_too = told[row]
            if text is not None and text.strip():
                yield i, text, text if found_too else None

    def _findings(self, call: Heard) -> _Answered:
        """A verdict for every candidate that is there and every principle that applies, in the order of the call."""
        assert self.view.subject is not None
        present = [np.flatnonzero(row).tolist() for row in self.view.subject.present_NK]
        read, flag = self.said["finding_present"].tolist(), self.said["finding_flag"].tolist()
        settled = [self.words.settled(self.step, k)[self.rows].tolist() for k in range(len(flag[0]))]
        words = {1: call.labels[0], 0: call.labels[1], -1: None}
        asked: Counter[tuple[int, int]] = Counter()
        places = {bit: p for p, bit in enumerate(self.step.bits)}
        for i, (row, bit) in enumerate(zip(call.rows, call.bits, strict=True)):
            p = places[bit]
            k = present[row][asked[row, p]]
            asked[row, p] += 1
            if read[row][k][p]:
                yield i, call.labels[0 if flag[row][k][p] else 1], words[settled[k][row][p]]

    def _comparisons(self, call: Heard, a: int, b: int) -> _Answered:
        """Is option a, shown first, better than option b? The last word is a person's who decided for one of them."""
        first, second = (self.said["score"][:, option].tolist() for option in (a, b))
        decided = self._decided(a, b)
        for i, row in enumerate(call.rows):
            if first[row] != second[row] and first[row] + second[row] > 0:  # neither holds where there is no score
                own = call.labels[0 if first[row] > second[row] else 1]
                yield i, own, own if decided[row] < 0 else call.labels[decided[row]]

    def _decided(self, a: int, b: int) -> list[int]:
        """Per row the option a person decided for: 0 for a, 1 for b, -1 where nobody did for one of them."""
        assert self.view.subject is not None
        for_a, for_b = (self._accepted == self.view.subject.text_NK[:, option] for option in (a, b))
        decided: list[int] = np.where(for_a, 0, np.where(for_b, 1, -1)).tolist()
        return decided

    @cached_property
    def _accepted(self) -> Objects:
        """Per row the case's last response where the last person accepted it; NaN, which equals nothing, elsewhere."""
        accepted = np.zeros(len(self.rows), bool)
        for step in self.block.plan.steps:
            if step.role is Role.AUDITOR:
                ran = self.block.ran[step.index, self.rows]
                accepted[ran] = self.words.accepts(step.index, self.rows[ran])
        return np.where(accepted, self.block.final().text_NK[self.rows, 0], np.array(np.nan, object))

    def _overrides(self, call: Heard) -> _Answered:
        said = self.said["override"].tolist()
        for i, row in enumerate(call.rows):
            if said[row] == said[row]:  # there is none where it could not be read
                own = call.labels[0 if said[row] >= 0.5 else 1]
                yield i, own, own

    def _labels(self, call: Heard) -> _Answered:
        """The label of the latest step from this one on that gave one is the settled one."""
        own, last = self.said["label"].tolist(), self.said["label"].copy()
        for step in self.block.plan.steps[self.step.index + 1 :]:
            said = self.block.said(step.index)
            if "label" in said.columns:
                later = self.block.ran[step.index, self.rows] & (said["label"][self.rows] >= 0)
                last[later] = said["label"][self.rows][later]
        for i, row in enumerate(call.rows):
            if own[row] >= 0:
                yield i, call.labels[own[row]], call.labels[last[row]]
