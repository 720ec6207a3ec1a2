"""Which response is a case's own: the last on its own path, found for the rows that ask."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from agents.simulated.draws import Revision, one_revision
from agents.simulated.lanes import Words, word_type
from agents.vocabulary import Verdict
from hierarchy.flow import Ints
from hierarchy.latent.rows import Rows
from hierarchy.latent.said import Choice, Decision, Response, Said
from hierarchy.plan import Plan

Steps = tuple[int, ...]
Answer = tuple[Words, Revision]


class Answers:
    """The responses of a block's cases, from what its steps have said so far.

    Where all of the rows that ask got their response from one step, that step's words are taken. Otherwise the answer
    is that of the rows they were picked from, and at last of all cases, with every step's words written in order.
    """

    def __init__(self, plan: Plan, everybody: Rows, rows: Mapping[int, Rows], said: Mapping[int, Said]) -> None:
        self.plan, self.everybody, self.rows, self.said = plan, everybody, rows, said
        self._known: dict[tuple[Steps, Rows], Answer] = {}

    def of(self, steps: Steps, rows: Rows) -> Answer:
        """The response after the given steps (in plan order): (words [n], 0 where there is none; revision)."""
        return self._of(self._live(steps), rows)

    def revision(self, steps: Steps, rows: Rows) -> Revision:
        """The revision alone."""
        live = self._live(steps)
        newest = self._newest(live, rows)
        if newest is not None and isinstance(newest.revision, int):
            return newest.revision
        return self._of(live, rows)[1]

    def _live(self, steps: Steps) -> Steps:
        """Those of the steps that set some case's response."""
        return tuple(index for index in steps if index in self.said and self.said[index].moves)

    def _newest(self, live: Steps, rows: Rows) -> Response | None:
        """What all of the rows' responses were said in; None where no single step is known to have said them."""
        for index in reversed(live):
            inside = rows.inside(self.rows[index])
            if inside is not False:
                said = self.said[index]
                return said if inside and isinstance(said, Response) else None
        return None

    def _of(self, live: Steps, rows: Rows) -> Answer:
        known = self._known.get((live, rows))
        if known is None:
            known = self._known[live, rows] = self._find(live, rows)
        return known

    def _find(self, live: Steps, rows: Rows) -> Answer:
        newest = self._newest(live, rows)
        if newest is not None:
            places = rows.places_in(next(self.rows[i] for i in live if self.said[i] is newest))
            said = newest if places is None else newest.take(places)
            return said.word, said.revision
        if rows.parts:
            return _joined([self._of(live, part) for part in rows.parts], rows)
        if rows.whole is not None:
            word, revision = self._of(live, rows.whole)
            return word.take(rows.picked), _taken(revision, rows.picked)
        return self._everywhere(live)

    def _everywhere(self, live: Steps) -> Answer:
        """All cases' responses: those before the last step, with that step's written over them."""
        if not live:
            return np.zeros(len(self.everybody), word_type(self.plan.places)), 0
        before, revision_before = self._of(live[:-1], self.everybody)
        at, (new, new_revision) = self._moved(live[-1])
        word, revision = before.copy(), np.full(len(before), revision_before, np.int64)
        word[at], revision[at] = new, new_revision
        return word, one_revision(revision)

    def _moved(self, index: int) -> tuple[Ints, Answer]:
        """(numbers of the cases whose response the step set; to what)."""
        said, rows = self.said[index], self.rows[index]
        if isinstance(said, Response):
            return rows.at, (said.word, said.revision)
        if isinstance(said, Decision):
            moved = np.flatnonzero(said.verdict == Verdict.REVISE)
            return rows.at.take(moved), (said.word.take(moved), _taken(said.revision, moved))
        assert isinstance(said, Choice)
        return self._chosen(index, rows, said)

    def _chosen(self, index: int, rows: Rows, said: Choice) -> tuple[Ints, Answer]:
        word, revision = np.zeros(len(rows), word_type(self.plan.places)), np.zeros(len(rows), np.int64)
        for i, option in enumerate(self.plan.steps[index].options):
            mine = said.chosen == i
            if mine.any():
                option_word, option_revision = self.of(option.instances, rows)
                word, revision = np.where(mine, option_word, word), np.where(mine, option_revision, revision)
        moved = np.flatnonzero(said.chosen >= 0)
        return rows.at.take(moved), (word.take(moved), revision.take(moved))


def _taken(revision: Revision, places: Ints) -> Revision:
    return revision if isinstance(revision, int) else one_revision(revision.take(places))


def _joined(answers: list[Answer], rows: Rows) -> Answer:
    """The answers of the parts of a union, one after another."""
    word = np.concatenate([word for word, _ in answers])
    revisions = {revision for _, revision in answers if isinstance(revision, int)}
    if len(revisions) == 1 and all(isinstance(revision, int) for _, revision in answers):
        return word, revisions.pop()
    each: list[NDArray[np.int64]] = [
        np.full(len(part), revision, np.int64) for part, (_, revision) in zip(rows.parts, answers, strict=True)
    ]
    return word, np.concatenate(each)
