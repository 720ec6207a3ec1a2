"""What the dashboard shows, read from the queue without changing it.

A person who decides cases sees no figure that moves otherwise for a gold case than for a real one: what they have
decided is not among what waits, and their own results on gold cases are not shown to them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from sqlalchemy import Select, exists, func, select

from agents.figures import Estimate, Proportion
from agents.vocabulary import Verdict
from constitutions.errors import InputError
from experiments.audit.accuracy import AuditorAccuracy, auditor_accuracy
from experiments.audit.page.forms import Lane
from experiments.audit.page.site import Site
from experiments.metrics.agreement import krippendorff_alpha
from experiments.sampling.drawing import queued_as
from experiments.sampling.estimating import Residual, estimate
from experiments.sampling.judging import Judging, by_gold
from experiments.statistics import proportion
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.reading import Given, open_decisions
from hierarchy.audit.records import GOLD, POLICY, ItemKey, Kind, State
from hierarchy.audit.sample_store import Sample, SampleStore
from hierarchy.audit.schema import DECISION, ITEM
from hierarchy.database import load, read

AGES = (("under 10 minutes", 600), ("to an hour", 3_600), ("to a day", 86_400), ("to a week", 604_800), ("older", None))


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a chart: its name, how many, and in which part of the longest row."""

    name: str
    count: int
    part: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a person: of each lane how many; cases by age and by the principle that a reviewer flagged.

    `oldest`: seconds the oldest case has waited; `withheld`: cases of which nobody may see what models found;
    `unflagged`: those in which no reviewer flagged a principle.
    """

    lanes: Mapping[Lane, int]
    ages: Sequence[Bar]
    principles: Sequence[Bar]
    oldest: float | None
    withheld: int
    unflagged: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of cases that several people decided: pairs of verdicts that agree, and Krippendorff's alpha of the verdicts."""

    cases: int
    pairs: Proportion
    alpha: Estimate


def waiting(queue: AuditQueue, viewer: str, now: float) -> Waiting:
    """What waits, without what the viewer has decided."""
    decided = exists().where(
        DECISION.c.item_id == ITEM.c.id, DECISION.c.auditor == viewer, DECISION.c.undone.is_(False)
    )
    states = [State.OPEN.value, State.DISPUTED.value, GOLD]
    base = select(ITEM.c.kind, ITEM.c.state, func.count()).where(ITEM.c.run == queue.run, ~decided)
    mine = (ITEM.c.run == queue.run, ITEM.c.kind == Kind.CASE.value, ~decided)
    with read(queue.engine) as connection:
        lanes: Counter[Lane] = Counter()
        if (
            connection.execute(select(ITEM.c.id).where(*mine, ITEM.c.state == State.OPEN.value).limit(1)).first()
            is None
        ):
            states.remove(GOLD)  # alone they are not given out
        base = base.where(ITEM.c.state.in_(states))
        cases = (*mine, ITEM.c.state.in_(states))
        for kind, state, count in connection.execute(base.group_by(ITEM.c.kind, ITEM.c.state)):
            lanes[_lane(kind, state)] += count
        ages = _ages(connection.execute(select(ITEM.c.enqueued_at).where(*cases)).scalars().all(), now)
        query: Select[Any] = select(ITEM.c.hidden, ITEM.c.hide_model).where(*cases)
        flagged, withheld, unflagged = _flagged(connection.execute(query).all())
        oldest = connection.execute(select(func.min(ITEM.c.enqueued_at)).where(*cases)).scalar_one()
    rows = sorted(flagged.items(), key=lambda pair: (-pair[1], pair[0]))
    since = None if oldest is None else now - oldest
    return Waiting({lane: lanes[lane] for lane in Lane}, ages, _bars(rows), since, withheld, unflagged)


def _lane(kind: str, state: str) -> Lane:
    if kind == Kind.CASE:
        return Lane.DISPUTES if state == State.DISPUTED else Lane.CASES
    return Lane.PROPOSALS if kind == Kind.PROPOSAL else Lane.CRITIQUES


def _ages(enqueued: Sequence[float], now: float) -> list[Bar]:
    counts = [0] * len(AGES)
    for at in enqueued:
        counts[next(i for i, (_, most) in enumerate(AGES) if most is None or now - at < most)] += 1
    return _bars([(name, count) for (name, _), count in zip(AGES, counts, strict=True)])


def _flagged(rows: Sequence[Any]) -> tuple[Counter[str], int, int]:
    found: Counter[str] = Counter()
    withheld = unflagged = 0
    for hidden, hide_model in rows:
        if hide_model:
            withheld += 1
            continue
        reviews = (load(hidden) if hidden else {}).get("reviews", [])
        names = {str(name) for review in reviews for name in review.get("flagged") or ()}
        unflagged += not names
        found.update(names)
    return found, withheld, unflagged


def _bars(rows: Sequence[tuple[str, int]]) -> list[Bar]:
    most = max((count for _, count in rows), default=0)
    return [Bar(name, count, count / most if most else 0.0) for name, count in rows]


def agreement(queue: AuditQueue) -> Agreement | None:
    """How far reviewers agree, before anybody adjudicated; None where no case has two open decisions."""
    by_case: dict[ItemKey, list[Given]] = {}
    for one in open_decisions(queue.engine, queue.run, Kind.CASE):
        if one.decision.auditor != POLICY and not one.adjudicates:
            by_case.setdefault(one.key, []).append(one)
    shared = [given for given in by_case.values() if len(given) > 1]
    if not shared:
        return None
    pairs = [(a.decision.verdict == b.decision.verdict) for given in shared for a, b in combinations(given, 2)]
    names = sorted({one.decision.auditor for given in shared for one in given})
    codes = np.full((len(shared), len(names)), -1)
    for row, given in zip(codes, shared, strict=True):
        for one in given:
            row[names.index(one.decision.auditor)] = int(one.decision.verdict)
    return Agreement(len(shared), proportion(np.array(pairs)), krippendorff_alpha(codes))


def accuracy(queue: AuditQueue, viewer: str) -> list[AuditorAccuracy]:
    """How well each auditor judges, but for the viewer: they would learn which cases are gold."""
    return [one for one in auditor_accuracy(queue) if one.auditor != viewer]


def residual(site: Site, viewer: str | None) -> list[Residual]:
    """What the samples of released cases say so far; for a viewer corrected by the gold results of the others, and
    taken at their word for None.

    The answers are read from the queue and stay there: a decision that a look took out of it could not be undone.
    """
    found = []
    store = SampleStore(site.queue.engine, site.queue.run)
    for arm in store.arms():
        sample = answered(store.sample(arm), site.queue)
        others = set(sample.auditors) - {viewer}
        judging = Judging("assumed") if viewer is None else by_gold(site.queue, others)
        with suppress(InputError):  # nothing of this arm was released
            found.append(estimate(sample, judging))
    return found


def answered(sample: Sample, queue: AuditQueue) -> Sample:
    """The sample with the answers that are in the queue, and not collected yet."""
    says = {
        one.key.case_id: one.decision
        for one in open_decisions(queue.engine, queue.run, Kind.CASE)
        if one.key.arm == queued_as(sample.arm) and one.decision.auditor != POLICY
    }
    new_N = np.array([case in says for case in sample.case_id_N], bool) & sample.drawn_N
    flags_N = np.array([case in says and says[case].verdict is not Verdict.ACCEPT for case in sample.case_id_N], bool)
    return replace(
        sample,
        answered_N=sample.answered_N | new_N,
        violates_N=np.where(new_N, flags_N, sample.violates_N),
        minutes=max(sample.minutes, sum(decision.minutes for decision in says.values())),
        auditors=tuple(sorted({*sample.auditors, *(decision.auditor for decision in says.values())})),
    )
