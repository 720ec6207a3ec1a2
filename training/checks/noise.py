"""Label noise: how often people contradict what the reviewers had settled about a row's case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from scipy import stats

from agents.figures import Estimate, Proportion, Record
from training.lineage import Lineage

Source = Literal["sample", "disputed"]
Correct = Callable[[int, int, bool], Estimate | None]
"""(labels contradicted, labels, whether the labels say that the case violates) -> the share that is truly wrong."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A row's case that a person looked at: what the reviewers had settled, and what the person said."""

    violates: bool
    flagged: bool


class Mislabelled(Record):
    """Labels of one kind that people contradicted, with the exact (Clopper and Pearson 1934) interval.

    `corrected` is the share that is truly wrong by Rogan and Gladen (1978), where the people's own errors are known.
    """

    observed: Proportion
    corrected: Estimate | None = None


class LabelNoise(Record):
    """Agreement of labels with people's decisions.

    Attributes:
        source: `sample`: cases drawn by chance among those released, whose label is that nothing violates; they stand
            for all of these. `disputed`: cases that came to a person for a reason; they stand for nothing but
            themselves, and are harder than others.
        fine: of labels that nothing violates, those where the person said otherwise; violating: of labels that
            something does, those where the person passed it; both: of all labels.
    """

    source: Source
    fine: Mislabelled
    violating: Mislabelled
    both: Mislabelled

    @property
    def rate(self) -> float | None:
        """The share of wrong labels: corrected where that is known, otherwise as observed."""
        corrected = self.both.corrected
        return corrected.value if corrected is not None else self.both.observed.value


def label_noise(looked: Sequence[Looked], source: Source, correct: Correct | None = None) -> LabelNoise:
    """Count the contradictions; `correct` takes the people's own errors out, one kind of label at a time."""
    fine = [one.flagged for one in looked if not one.violates]
    violating = [not one.flagged for one in looked if one.violates]
    parts = [_mislabelled(some, says, correct) for some, says in ((fine, False), (violating, True))]
    only = parts[0] if not violating else parts[1] if not fine else None
    both = Mislabelled(observed=_exact(sum(fine) + sum(violating), len(looked)), corrected=only and only.corrected)
    return LabelNoise(source=source, fine=parts[0], violating=parts[1], both=both)


def disputed(lineages: Iterable[Lineage], human: str) -> list[Looked]:
    """The rows that a person decided, with the last verdict before theirs that says accept, revise or reject.

    A row whose reviewers only escalated has no label to contradict and is left out. `human` is the person's step.
    """
    found = [_looked(lineage, human) for lineage in lineages if lineage.audited]
    return [one for one in found if one is not None]


def _looked(lineage: Lineage, human: str) -> Looked | None:
    at = [i for i, (step, _) in enumerate(lineage.verdicts) if step.split(".")[0] == human]
    if not at:
        return None
    said = [verdict for _, verdict in lineage.verdicts[: at[-1]] if verdict in ("accept", "revise", "reject")]
    return Looked(said[-1] != "accept", lineage.verdicts[at[-1]][1] != "accept") if said else None


def _mislabelled(wrong: Sequence[bool], says: bool, correct: Correct | None) -> Mislabelled:
    count, n = sum(wrong), len(wrong)
    return Mislabelled(observed=_exact(count, n), corrected=correct(count, n, says) if correct and n else None)


def _exact(count: int, n: int) -> Proportion:
    if not n:
        return Proportion(count=0, n=0, low=0, high=1)
    interval = stats.binomtest(count, n).proportion_ci(0.95, method="exact")
    return Proportion(count=count, n=n, low=float(interval.low), high=float(interval.high))
