"""Which response is a case's own: the last on its own path, found for the rows that ask."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from agents.simulated.draws import Revision
from agents.simulated.lanes import Words, word_type
from agents.vocabulary import Verdict
from hierarchy.flow import Bools
from hierarchy.latent.rows import Rows
from hierarchy.latent.said import Choice, Decision, Response, Said
from hierarchy.plan import Plan

Steps = tuple[int, ...]
Answer = tuple[Words, Revision]


class Answers:
    """The responses of a block's cases, from what its steps have said so far (`rows` and `said`, by step index).

    A step after which every row of some rows has its response settles theirs; several steps that see the same rows
    look it up once.
    """

    def __init__(self, plan: Plan, rows: Mapping[int, Rows], said: Mapping[int, Said]) -> None:
        self.plan, self.rows, self.said = plan, rows, said
        self._known: dict[tuple[Steps, Rows], Answer] = {}

    def of(self, steps: Steps, rows: Rows) -> Answer:
        """The response after the given steps (in plan order): (words [n], 0 where there is none; revision)."""
        key = tuple(index for index in steps if index in self.said), rows
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._find(*key)
        return known

    def revision(self, steps: Steps, rows: Rows) -> Revision:
        """The revision alone."""
        for index in reversed(steps):
            said = self.said.get(index)
            if isinstance(said, Response) and isinstance(said.revision, int) and rows.inside(self.rows[index]):
                return said.revision
            if said is not None:
                break
        return self.of(steps, rows)[1]

    def _find(self, steps: Steps, rows: Rows) -> Answer:
        later: list[tuple[Bools, Words, Revision]] = []
        word: Words | None = None
        revision: Revision = 0
        for index in reversed(steps):
            found = self._moved(index, rows)
            if found is None:
                continue
            moved, word, revision = found
            if moved is None:
                break
            later.append((moved, word, revision))
            word = None
        if word is None:
            word, revision = np.zeros(len(rows), word_type(self.plan.places)), 0
        for moved, new, new_revision in reversed(later):
            word = np.where(moved, new, word)
            if not (isinstance(revision, int) and isinstance(new_revision, int) and revision == new_revision):
                revision = np.where(moved, new_revision, revision)
        return word, revision

    def _moved(self, index: int, rows: Rows) -> tuple[Bools | None, Words, Revision] | None:
        """(which rows' response this step set, None for all; to what words; of which revision)."""
        place = rows.among(self.rows[index])
        if place is None:
            return None
        ran, places = place
        said = self.said[index] if places is None else self.said[index].take(places)
        if isinstance(said, Response):
            return ran, said.word, said.revision
        if isinstance(said, Decision):
            moved = np.asarray(said.verdict == Verdict.REVISE)
            word, revision = said.word, said.revision
        else:
            assert isinstance(said, Choice)
            moved = np.asarray(said.chosen >= 0)
            word, revision = self._chosen(index, rows, said)
        moved = moved if ran is None else moved & ran
        return (moved, word, revision) if moved.any() else None

    def _chosen(self, index: int, rows: Rows, said: Choice) -> Answer:
        word, revision = np.zeros(len(rows), word_type(self.plan.places)), np.zeros(len(rows), np.int64)
        for i, option in enumerate(self.plan.steps[index].options):
            mine = said.chosen == i
            if mine.any():
                option_word, option_revision = self.of(option.instances, rows)
                word, revision = np.where(mine, option_word, word), np.where(mine, option_revision, revision)
        return word, revision
