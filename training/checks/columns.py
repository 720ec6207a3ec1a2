"""What the checks read of a training set: prompts and answers as text, and where every row came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.records import Message
from training.datasets import PreferenceRow, Row
from training.lineage import VISIBLE, Lineage


@dataclass(frozen=True, slots=True)
class Columns:
    """A set of N rows.

    Attributes:
        prompts: the messages of each prompt, a line each; answers: what is learnt (of a pair: the chosen one).
        names: each row's case, for messages.
        lineages: where the rows came from; none for a set that is not of this program.
        hidden: whether the set is made of the hidden layer, so that none of its text may be shown.
    """

    prompts: tuple[str, ...]
    answers: tuple[str, ...]
    names: tuple[str, ...]
    lineages: tuple[Lineage, ...] = ()
    hidden: bool = False

    def __len__(self) -> int:
        return len(self.prompts)

    def take(self, which: Sequence[int]) -> Columns:
        """These rows."""
        parts = ([column[i] for i in which] for column in (self.prompts, self.answers, self.names))
        prompts, answers, names = map(tuple, parts)
        lineages = tuple(self.lineages[i] for i in which) if self.lineages else ()
        return Columns(prompts, answers, names, lineages, self.hidden)


def columns_of(rows: Iterable[Row]) -> Columns:
    """The columns of rows with lineage. Of a pair the chosen answer is what is learnt; stale rows are left out."""
    some = list(rows)
    return lasting(
        [text_of(row.prompt) for row in some],
        [text_of(row.chosen if isinstance(row, PreferenceRow) else row.completion) for row in some],
        [row.lineage for row in some],
    )


def lasting(prompts: Sequence[str], answers: Sequence[str], lineages: Sequence[Lineage]) -> Columns:
    """The columns of the rows that are not stale, named by their cases."""
    kept = [i for i, lineage in enumerate(lineages) if not lineage.stale]
    return Columns(
        prompts=tuple(prompts[i] for i in kept),
        answers=tuple(answers[i] for i in kept),
        names=tuple(lineages[i].where for i in kept),
        lineages=tuple(lineages[i] for i in kept),
        hidden=any(lineages[i].layer != VISIBLE for i in kept),
    )


def text_of(messages: Iterable[Message]) -> str:
    """What the messages say, a line each."""
    return "\n".join(message.content for message in messages)
