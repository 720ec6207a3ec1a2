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
from agents.vocabulary import REVIEWERS, Role
from hierarchy.arm import Arm
from hierarchy.block import Block
from hierarchy.flow import Ints
from hierarchy.last_word import LastWords
from hierarchy.plan import PlannedStep

_FINDINGS = (Use.VERDICT, Use.SCREEN, Use.REVIEW_CRITIC)


_USES = {Role.JUDGE: {Use.COMPARE, Use.LABEL}, Role.SAFETY: {Use.SCREEN, Use.OVERRIDE, Use.LABEL}}
_CRITICS = {Use.CRITIQUE, Use.VERDICT, Use.REVIEW_CRITIC, Use.LABEL}


def questions(arm: Arm, block: Block, uses: Collection[str] = tuple(Use), worded: bool = True) -> list[Question]:
    """The questions of these uses to the arm's critics, safety models and judges that have an answer, in the order of
    the plan. `worded`: with the messages that their models read, which takes longest.

    Raises InputError for a simulated overseer.
    """
    words = LastWords(block)
    found: list[Question] = []
    for step in block.plan.steps:
        if step.role in (*REVIEWERS, Role.JUDGE) and step.asked and _USES.get(step.role, _CRITICS) & set(uses):
            rows = np.flatnonzero(block.ran[step.index])
            if len(rows):
                found += _Asked(arm, block, step, rows, words).questions(uses, worded)
    return found


class _Asked:
    """One step's questions. `rows` are the cases it ran on; what was heard is numbered within them."""

    def __init__(self, arm: Arm, block: Block, step: PlannedStep, rows: Ints, words: LastWords) -> None:
        self.arm, self.block, self.step, self.rows, self.words = arm, block, step, rows, words
        self.said: Output = block.said(step.index).take(rows)
        self.view = block.view(step, rows)
        self._last: dict[int, list[int]] = {}

    def questions(self, uses: Collection[str], worded: bool) -> Iterator[Question]:
        """What the step was asked, use by use."""
        calls = listen(self.arm.agent(str(self.step.step.agent)), self.view, self.said, uses, worded)
        width = self.said["score"].shape[1] if self.step.role is Role.JUDGE else 0
        pairs = permutations(range(width), 2)
        for call in calls:
            match call.use:
                case Use.CRITIQUE:
                    yield from self._critiques(call)
                case Use.COMPARE:
                    yield from self._comparisons(call, *next(pairs))
                case Use.OVERRIDE:
                    yield from self._overrides(call)
                case Use.LABEL:
                    yield from self._labels(call)
                case use if use in _FINDINGS:
                    yield from self._findings(call)

    def _question(
        self,
        call: Heard,
        i: int,
        answer: str,
        settled: str | None,
        confidence: float | None,
        principle: str = "",
        candidate: int | None = None,
    ) -> Question:
        assert self.view.subject is not None
        response = None if candidate is None else self.view.subject.text_NK[call.rows[i], candidate]
        return Question(
            arm=self.arm.name,
            case_id=str(self.view.cases.case_id_N[call.rows[i]]),
            step=self.step.name,
            role=self.step.role.value,
            use=call.use.value,
            principle=principle,
            response=response or "",
            messages=call.prompts[i].messages,
            answer=answer,
            settled=settled,
            confidence=confidence,
            opens_turn=call.prompts[i].generation_prompt,
        )

    def _critiques(self, call: Heard) -> Iterator[Question]:
        assert self.view.subject is not None
        first = self.view.subject.present_NK.argmax(axis=1)  # of several candidates the critique is of the first
        for i, row in enumerate(call.rows):
            text = self.said["critique"][row]
            if text is not None and text.strip():
                settled = text if self._borne_out(row, int(first[row])) else None
                yield self._question(call, i, text, settled, None, candidate=int(first[row]))

    def _borne_out(self, row: int, candidate: int) -> bool:
        """Whether the last word found the same violations: the same principles, or as a whole where it names none."""
        last, n = self._last_word(row, candidate), int(self.rows[row])
        if last < 0:
            return False
        own, theirs = self.words.flags(self.step.index, n, candidate) or {}, self.words.flags(last, n, candidate)
        if theirs is None:
            return self.words.accepts(last, n) != any(own.values())
        return all(flag == theirs.get(principle, flag) for principle, flag in own.items())

    def _findings(self, call: Heard) -> Iterator[Question]:
        assert self.view.subject is not None
        present = [np.flatnonzero(row).tolist() for row in self.view.subject.present_NK]
        names = ("finding_present", "finding_flag", "finding_confidence")
        read, flag, sure = (self.said[name].tolist() for name in names)
        asked: Counter[tuple[int, int]] = Counter()
        places = {bit: p for p, bit in enumerate(self.step.bits)}
        for i, (row, bit) in enumerate(zip(call.rows, call.bits, strict=True)):
            p = places[bit]
            k = present[row][asked[row, p]]
            asked[row, p] += 1
            if read[row][k][p]:
                principle = self.step.principles[p]
                settled = self._settled(call, row, k, principle)
                own = call.labels[0 if flag[row][k][p] else 1]
                yield self._question(call, i, own, settled, sure[row][k][p], principle, k)

    def _settled(self, call: Heard, row: int, candidate: int, principle: str) -> str | None:
        """The label of the last word on this principle; a person who accepts finds no principle violated."""
        last, n = self._last_word(row, candidate), int(self.rows[row])
        if last < 0:
            return None
        flags = self.words.flags(last, n, candidate)
        if flags is None:
            return call.labels[1] if self.words.accepts(last, n) else None
        return call.labels[0 if flags[principle] else 1] if principle in flags else None

    def _comparisons(self, call: Heard, a: int, b: int) -> Iterator[Question]:
        """Is option a, shown first, better than option b? The last word is a person's who decided for one of them."""
        for i, row in enumerate(call.rows):
            first, second = self.said["score"][row, a], self.said["score"][row, b]
            if first == second or np.isnan(first) or np.isnan(second) or first + second == 0:
                continue
            own = call.labels[0 if first > second else 1]
            confidence = float(max(first, second) / (first + second))
            yield self._question(call, i, own, self._decided(call, row, a, b) or own, confidence)

    def _decided(self, call: Heard, row: int, a: int, b: int) -> str | None:
        assert self.view.subject is not None
        n = int(self.rows[row])
        texts, final = self.view.subject.text_NK[row], self._final[n]
        people = [s for s in self.block.plan.steps if s.role is Role.AUDITOR and self.block.ran[s.index, n]]
        if not people or not self.words.accepts(people[-1].index, n) or final not in (texts[a], texts[b]):
            return None
        return call.labels[0 if texts[a] == final else 1]

    @cached_property
    def _final(self) -> list[str | None]:
        return list(self.block.final().text_NK[:, 0])

    def _overrides(self, call: Heard) -> Iterator[Question]:
        for i, row in enumerate(call.rows):
            probability = float(self.said["override"][row])
            if not np.isnan(probability):
                own = call.labels[0 if probability >= 0.5 else 1]
                yield self._question(call, i, own, own, max(probability, 1 - probability))

    def _labels(self, call: Heard) -> Iterator[Question]:
        for i, row in enumerate(call.rows):
            own = int(self.said["label"][row])
            if own >= 0:
                yield self._question(call, i, call.labels[own], self._last_label(call, row), None, candidate=0)

    def _last_label(self, call: Heard, row: int) -> str:
        """The label of the latest step after this one that gave one, this step's own where none did."""
        n, last = int(self.rows[row]), int(self.said["label"][row])
        for step in self.block.plan.steps[self.step.index + 1 :]:
            said = self.block.said(step.index)
            if "label" in said.columns and self.block.ran[step.index, n] and said["label"][n] >= 0:
                last = int(said["label"][n])
        return call.labels[last]

    def _last_word(self, row: int, candidate: int) -> int:
        if candidate not in self._last:
            self._last[candidate] = self.words.on(self.step, candidate)[self.rows].tolist()
        return self._last[candidate][row]
