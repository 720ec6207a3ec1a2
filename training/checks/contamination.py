"""Evaluation prompts that a training set gives away: the same words, or most of their runs of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.figures import Record
from training.checks.columns import Columns
from training.checks.spec import ContaminationSpec
from training.checks.words import Words, grams, words

_SHOWN = 5


class Leak(Record):
    """An evaluation prompt that the training set gives away, the share of its runs found there, and a row with most."""

    prompt: str
    overlap: float
    exact: bool
    row: str
    row_name: str


class Contamination(Record):
    """How many evaluation prompts are in the training set.

    Attributes:
        prompts: evaluation prompts; exact: those that are some row's prompt, word for word; overlapping: those that are
            not, of whose runs of words at least the share `overlap` occur in the set's prompts and answers.
        short: prompts with fewer words than a run, which are only looked for whole.
        rows: training rows whose prompt is an evaluation prompt, word for word.
        worst: prompts that are given away, whole ones first.
    """

    prompts: int
    exact: int
    overlapping: int
    short: int
    rows: int
    worst: tuple[Leak, ...] = ()

    @property
    def share(self) -> float | None:
        """Evaluation prompts that are given away, of all; None where there are none to give away."""
        return (self.exact + self.overlapping) / self.prompts if self.prompts else None


@dataclass(slots=True)
class _Seen:
    """What was found of one evaluation prompt: which of its runs, the row with most of them, a row that is the same."""

    runs: set[Words] = field(default_factory=set)
    most: int = 0
    nearest: int = 0
    same: int | None = None


def contamination(columns: Columns, prompts: Sequence[str], spec: ContaminationSpec) -> Contamination:
    """Look for every evaluation prompt (once, however often it is given) in the rows' prompts and answers."""
    wanted = {read: prompt for prompt in reversed(prompts) if (read := words(prompt))}
    runs = {read: frozenset(grams(read, spec.ngram)) for read in wanted}
    holders: dict[Words, list[Words]] = {}
    for read, some in runs.items():
        for run in some:
            holders.setdefault(run, []).append(read)
    seen = {read: _Seen() for read in wanted}
    rows = sum(_look(columns, row, spec.ngram, holders, seen) for row in range(len(columns)))
    share = {read: len(found.runs) / max(len(runs[read]), 1) for read, found in seen.items()}
    exact = [read for read, found in seen.items() if found.same is not None]
    over = [read for read in seen if seen[read].same is None and share[read] >= spec.overlap]
    worst = [*exact, *sorted(over, key=lambda read: -share[read])][:_SHOWN]
    return Contamination(
        prompts=len(wanted),
        exact=len(exact),
        overlapping=len(over),
        short=sum(not some for some in runs.values()),
        rows=rows,
        worst=tuple(_leak(columns, wanted[read], share[read], seen[read]) for read in worst),
    )


def _look(columns: Columns, row: int, n: int, holders: dict[Words, list[Words]], seen: dict[Words, _Seen]) -> bool:
    """Note what a row gives away; returns whether its prompt is an evaluation prompt."""
    prompt, answer = words(columns.prompts[row]), words(columns.answers[row])
    here: dict[Words, set[Words]] = {}
    for run in (*grams(prompt, n), *grams(answer, n)):
        for read in holders.get(run, ()):
            here.setdefault(read, set()).add(run)
    for read, runs in here.items():
        found = seen[read]
        found.runs |= runs
        if len(runs) > found.most:
            found.most, found.nearest = len(runs), row
    if prompt not in seen:
        return False
    if seen[prompt].same is None:
        seen[prompt].same = row
    return True


def _leak(columns: Columns, prompt: str, share: float, found: _Seen) -> Leak:
    exact = found.same is not None
    row = found.nearest if found.same is None else found.same
    text = f"{columns.prompts[row]}\n{columns.answers[row]}"
    overlap = 1.0 if exact else share
    return Leak(prompt=prompt, overlap=overlap, exact=exact, row=text, row_name=columns.names[row])
