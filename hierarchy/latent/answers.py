"""Which response is a case's own: the last on its own path, found for the rows that ask."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from agents.simulated.lanes import Words, word_type
from agents.simulated.streams import Revision
from agents.vocabulary import Verdict
from hierarchy.flow import Bools
from hierarchy.latent.rows import Rows
from hierarchy.latent.said import Choice, Decision, Response, Said, taken
from hierarchy.plan import Plan

Steps = tuple[int, ...]
Answer = tuple[Words, Revision]


class Answers:
    """The responses of a block's cases, from what its steps have said so far (`rows` and `said`, by step index).

    A step after which every row of some rows has its response settles theirs; several steps that see the same rows
    look it up once.
    """

    def __init__(self, plan: Plan, size: int, rows: Mapping[int, Rows], said: Mapping[int, Said]) -> None:
        self.plan, self.size, self.rows, self.said = plan, size, rows, said
        self._known: dict[tuple[Steps, Rows], Answer] = {}

    def of(self, steps: Steps, rows: Rows) -> Answer:
        """The response after the given steps (in plan order): (words [n], 0 where there is none; revision)."""
        return self._of(self._live(steps), rows)

    def revision(self, steps: Steps, rows: Rows) -> Revision:
        """The revision alone."""
        live = self._live(steps)
        last = self.said[live[-1]] if live else None
        if isinstance(last, Response) and isinstance(last.revision, int) and rows.inside(self.rows[live[-1]]):
            return last.revision
        return self._of(live, rows)[1]

    def _live(self, steps: Steps) -> Steps:
        """Those of the steps that set some case's response."""
        return tuple([index for index in steps if index in self.said and self.said[index].moves])

    def _of(self, live: Steps, rows: Rows) -> Answer:
        known = self._known.get((live, rows))
        if known is None:
            known = self._known[live, rows] = self._find(live, rows)
        return known

    def _find(self, live: Steps, rows: Rows) -> Answer:
        if rows.parts:
            return _joined([self._of(live, part) for part in rows.parts], rows)
        whole = None if rows.whole is None else self._known.get((live, rows.whole))
        if whole is not None:
            return whole[0].take(rows.picked), taken(whole[1], rows.picked)
        return self._newest(live, rows)

    def _newest(self, live: Steps, rows: Rows) -> Answer:
        """From the last step to the first, until every row has its response; then each step's over those before it."""
        word: Words = np.zeros(len(rows), word_type(self.plan.places))
        revision: Revision = 0
        later: list[tuple[Bools, Words, Revision]] = []
        for index in reversed(live):
            found = self._moved(index, rows)
            if found is None:
                continue
            moved, new, new_revision = found
            if moved is None:
                word, revision = new, new_revision
                break
            later.append((moved, new, new_revision))
        for moved, new, new_revision in reversed(later):
            word, revision = np.where(moved, new, word), np.where(moved, new_revision, revision)
        return word, revision

    def _moved(self, index: int, rows: Rows) -> tuple[Bools | None, Words, Revision] | None:
        """(which rows' response this step set, None for all; to what words; of which revision)."""
        place = rows.among(self.rows[index], self.size)
        if place is None:
            return None
        ran, places = place
        said = self.said[index] if places is None else self.said[index].take(places)
        if isinstance(said, Response):
            return ran, said.word, said.revision
        if isinstance(said, Decision):
            moved, word, revision = said.verdict == Verdict.REVISE, said.word, said.revision
        else:
            assert isinstance(said, Choice)
            moved, (word, revision) = said.chosen >= 0, self._chosen(index, rows, said)
        return np.asarray(moved if ran is None else moved & ran), word, revision

    def _chosen(self, index: int, rows: Rows, said: Choice) -> Answer:
        word, revision = np.zeros(len(rows), word_type(self.plan.places)), np.zeros(len(rows), np.int64)
        for i, option in enumerate(self.plan.steps[index].options):
            mine = said.chosen == i
            if mine.any():
                option_word, option_revision = self.of(option.instances, rows)
                word, revision = np.where(mine, option_word, word), np.where(mine, option_revision, revision)
        return word, revision


def _joined(answers: list[Answer], rows: Rows) -> Answer:
    """The answers of the parts of a union, one after another."""
    word, revisions = np.concatenate([word for word, _ in answers]), [revision for _, revision in answers]
    if isinstance(revisions[0], int) and all(isinstance(r, int) and r == revisions[0] for r in revisions):
        return word, revisions[0]
    each = [np.full(len(part), revision, np.int64) for part, revision in zip(rows.parts, revisions, strict=True)]
    return word, np.concatenate(each)
