"""How well each auditor judges: by gold cases, whose answer is known, and by Dawid and Skene from all votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.vocabulary import Verdict
from experiments.laws.dawid_skene import dawid_skene
from experiments.statistics.shares import clopper_pearson
from hierarchy.audit.gold import GoldAnswer
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.reading import Given, open_decisions
from hierarchy.audit.records import POLICY, Kind

FLAG, PASS = "flag", "pass"


@dataclass(frozen=True, slots=True)
class Share:
    """`right` of `n`, with the exact (Clopper and Pearson 1934) interval at 95 %; without cases nothing is known."""

    right: int
    n: int

    @property
    def value(self) -> float | None:
        """The share; None of none."""
        return self.right / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """The interval; [0, 1] of none."""
        return clopper_pearson(self.right, self.n) if self.n else (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class AuditorAccuracy:
    """One auditor.

    Attributes:
        decisions: how many decisions on real cases of theirs are open; right: gold cases answered as known.
        sensitivity: of gold cases that violate, those flagged (not accepted); specificity: of the fine, those passed.
        estimated: (sensitivity, specificity) by Dawid and Skene from cases that several auditors decided; None for each
            where nothing says it.
    """

    auditor: str
    decisions: int
    right: Share
    sensitivity: Share
    specificity: Share
    estimated: tuple[float | None, float | None]


def auditor_accuracy(queue: AuditQueue) -> list[AuditorAccuracy]:
    """Every auditor who decided something that may be read, by name.

    The estimate by Dawid and Skene takes the votes on gold cases as votes only, without their answer, so that the two
    columns check one another.
    """
    gold = queue.gold.answers()
    given = [one for one in open_decisions(queue.engine, queue.run, Kind.CASE) if one.decision.auditor != POLICY]
    votes = [(f"{g.key.arm}/{g.key.case_id}/{g.key.step}/{g.key.epoch}", g.decision.auditor, _vote(g)) for g in given]
    votes += [(f"gold {answer.name}", answer.auditor, FLAG if answer.flagged else PASS) for answer in gold]
    estimated = _estimates(votes)
    names = sorted({auditor for _, auditor, _ in votes})
    return [
        AuditorAccuracy(
            name,
            sum(one.decision.auditor == name for one in given),
            _share([a.right for a in gold if a.auditor == name]),
            _by_truth(gold, name, violates=True),
            _by_truth(gold, name, violates=False),
            estimated.get(name, (None, None)),
        )
        for name in names
    ]


def _vote(given: Given) -> str:
    return PASS if given.decision.verdict is Verdict.ACCEPT else FLAG


def _share(hits: Sequence[bool]) -> Share:
    return Share(sum(hits), len(hits))


def _by_truth(gold: Sequence[GoldAnswer], auditor: str, violates: bool) -> Share:
    return _share([a.flagged == violates for a in gold if a.auditor == auditor and a.violates == violates])


def _estimates(votes: Sequence[tuple[str, str, str]]) -> dict[str, tuple[float | None, float | None]]:
    """By auditor, from the cases that at least two of them voted on."""
    per_case: dict[str, set[str]] = {}
    for case, auditor, _ in votes:
        per_case.setdefault(case, set()).add(auditor)
    shared = [vote for vote in votes if len(per_case[vote[0]]) > 1]
    if not shared:
        return {}
    cases, raters, labels = ([vote[i] for vote in shared] for i in range(3))
    found = dawid_skene(cases, raters, labels)
    out: dict[str, tuple[float | None, float | None]] = {}
    for r, rater in enumerate(found.raters):
        rates = [_rate(found.confusions[r], found.classes, name) for name in (FLAG, PASS)]
        out[rater] = (rates[0], rates[1])
    return out


def _rate(confusion: NDArray[np.float64], classes: Sequence[str], name: str) -> float | None:
    if name not in classes:
        return None
    rate = float(confusion[classes.index(name), classes.index(name)])
    return None if np.isnan(rate) else rate
