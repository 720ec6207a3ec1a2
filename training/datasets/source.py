"""What the builders read of one arm of a run, and what they give back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Never

from agents.records import Message, Question, Settlement
from agents.reviews import Review
from constitutions.errors import InputError
from training.datasets.rows import Row

Conversation = tuple[Message, ...]


def _none(*_: object) -> Never:
    raise InputError("datasets: the hidden layer of this run is not here; expected a run with its journal")


@dataclass(frozen=True)
class Source:
    """One arm of a run.

    Attributes:
        run: the run's name.
        settlements: how its cases ended.
        questions: the questions of some uses (`agents.model.Use`) to its overseers, in words, with their answers.
            Hidden layer, looked at only by kinds that are.
        reviews: what its reviewers found and wrote. Hidden layer likewise.
        statements: the statement of every principle, by id.
        gold: conversations of the audit's gold cases, which never train.
    """

    run: str
    settlements: Sequence[Settlement]
    questions: Callable[[Collection[str]], Sequence[Question]] = _none
    reviews: Callable[[], Sequence[Review]] = _none
    statements: Mapping[str, str] = field(default_factory=dict)
    gold: Collection[Conversation] = frozenset()


@dataclass(frozen=True, slots=True)
class Built:
    """Rows in the order of (arm, case id), and how many cases (or answers) were left out for which reason."""

    rows: list[Row]
    left_out: Counter[str]

    def empty(self, kind: str, cases: int) -> str:
        """Why there is no row, in one line."""
        found = ", ".join(f"{count} {reason}" for reason, count in sorted(self.left_out.items())) or "none left out"
        return f"{kind} dataset is empty: of {cases} cases none can train ({found}); expected at least one"

    def required(self, kind: str, cases: int) -> list[Row]:
        """The rows. Raises InputError where there is none, saying why."""
        if not self.rows:
            raise InputError(self.empty(kind, cases))
        return self.rows
