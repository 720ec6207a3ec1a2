"""What a step may see of a block without text. Everything is looked up when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agents.simulated.lanes import Words
from agents.simulated.streams import Revision, Seen
from agents.vocabulary import RESPONDERS
from hierarchy.flow import Bools
from hierarchy.latent.rows import Rows
from hierarchy.plan import PlannedStep

if TYPE_CHECKING:
    from hierarchy.latent.block import LatentBlock


@dataclass(frozen=True)
class LatentView:
    """Rows of a block as one step may see them."""

    block: LatentBlock
    step: PlannedStep
    rows: Rows

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def seen(self) -> Seen:
        """Keys and difficulty levels."""
        return self.block.seen(self.rows)

    @property
    def subject(self) -> tuple[Words, Revision]:
        """The response under review, or what the reviewed reviewer reviewed: (words [n], revision)."""
        return self._subject_of(self.step)

    def _subject_of(self, step: PlannedStep) -> tuple[Words, Revision]:
        if step.subject is None:
            return self.block.response(step.responses, self.rows)
        source = self.block.plan.steps[step.subject.instances[-1]]
        if source.role in RESPONDERS:
            return self.block.response(step.subject.instances, self.rows)
        return self._subject_of(source)

    @cached_property
    def options(self) -> list[tuple[Bools, Words, Revision]]:
        """A judge's options: (which rows have it, words, revision)."""
        found = []
        for option in self.step.options:
            ran = np.zeros(len(self), bool)
            for index in option.instances:
                where = self.block.where(index, self.rows)
                if where is not None:
                    ran |= True if where[0] is None else where[0]
            found.append((ran, *self.block.response(option.instances, self.rows)))
        return found

    @property
    def numbers(self) -> NDArray[np.uint64]:
        """The numbers of the cases."""
        return self.block.cases.number.take(self.rows.at)
