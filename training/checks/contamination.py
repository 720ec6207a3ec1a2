"""Evaluation prompts that a training set gives away: the same words, or most of their runs of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def contamination(columns: Columns, prompts: Sequence[str], spec: ContaminationSpec) -> Contamination:
    """Look for every evaluation prompt (once, however often it is given) in the rows' prompts and answers."""
    wanted = {read: prompt for prompt in reversed(prompts) if (read := words(prompt))}
    runs = {read: frozenset(grams(read, spec.ngram)) for read in wanted}
    every = frozenset[Words]().union(*runs.values())
    seen: set[Words] = set()
    same: dict[Words, int] = {}
    rows = 0
    for row in range(len(columns)):
        prompt, answer = words(columns.prompts[row]), words(columns.answers[row])
        seen |= every.intersection((*grams(prompt, spec.ngram), *grams(answer, spec.ngram)))
        if prompt in runs:
            same.setdefault(prompt, row)
            rows += 1
    share = {read: len(some & seen) / max(len(some), 1) for read, some in runs.items()}
    exact = [read for read in runs if read in same]
    over = [read for read in runs if read not in same and share[read] >= spec.overlap]
    worst = [*exact, *sorted(over, key=lambda read: -share[read])][:_SHOWN]
    nearest = same | _nearest(columns, {read: runs[read] for read in worst if read not in same}, spec.ngram)
    return Contamination(
        prompts=len(wanted),
        exact=len(exact),
        overlapping=len(over),
        short=sum(not some for some in runs.values()),
        rows=rows,
        worst=tuple(_leak(columns, wanted[read], share[read], nearest[read], read in same) for read in worst),
    )


def _nearest(columns: Columns, runs: Mapping[Words, frozenset[Words]], n: int) -> dict[Words, int]:
    """The row with most of each prompt's runs, the first of several."""
    most = dict.fromkeys(runs, (0, 0))
    for row in range(len(columns)) if runs else ():
        here = {*grams(words(columns.prompts[row]), n), *grams(words(columns.answers[row]), n)}
        for read, some in runs.items():
            most[read] = max(most[read], (len(some & here), -row))
    return {read: -row for read, (_, row) in most.items()}


def _leak(columns: Columns, prompt: str, share: float, row: int, exact: bool) -> Leak:
    text = f"{columns.prompts[row]}\n{columns.answers[row]}"
    return Leak(prompt=prompt, overlap=1.0 if exact else share, exact=exact, row=text, row_name=columns.names[row])
