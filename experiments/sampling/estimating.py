"""What a sample says about every released case of an arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.figures import Estimate
from constitutions.errors import InputError
from experiments.audit.run_queue import existing_queue
from experiments.config import ExperimentSpec
from experiments.folder import RunFolder
from experiments.results.figures import ResidualResult
from experiments.sampling.coverage import Covered, coverage, scored_world
from experiments.sampling.drawing import collect
from experiments.sampling.judging import Judging, by_gold
from experiments.statistics.fallible import Gold, corrected
from experiments.statistics.survey import Sampled, Told, certain_and_floor, headline, others
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.sample_store import Sample, SampleStore


@dataclass(frozen=True)
class Residual:
    """The rate of violations among an arm's released cases.

    While drawn cases have no answer yet there is no estimate, and intervals reach from their lower end if all of these
    were fine to their upper end if all of them violated.

    Attributes:
        released, drawn, answered: cases; found: violations found; minutes: human time.
        headline: Korn-Graubard; exact: certain cases and the floor alone; others: the other estimators.
        judging: how well the auditors judge, and how that is known; corrected: the estimate for such auditors, its
            interval as wide as what is not known of them makes it; None where they are assumed perfect.
        covered: measured coverage of each estimator, where a simulation was asked for.
    """

    arm: str
    released: int
    drawn: int
    answered: int
    found: int
    minutes: float
    headline: Estimate
    exact: Estimate
    others: dict[str, Told]
    judging: Judging
    corrected: Estimate | None
    covered: dict[str, Covered]


def residuals(
    folder: RunFolder,
    arm: str | None = None,
    sensitivity: Gold | None = None,
    specificity: Gold | None = None,
    simulate: int | None = None,
    seed: int = 0,
) -> list[Residual]:
    """An estimate for each arm of a run that was sampled (or for one), from the answers that are there now.

    Without `sensitivity` and `specificity` the auditors are judged by their gold cases. Raises InputError where the run
    has no sample, or one of the two is given.
    """
    if (sensitivity is None) != (specificity is None):
        raise InputError("--sensitivity and --specificity correct an estimate together; give both or neither")
    given = None if sensitivity is None else Judging("given", sensitivity, specificity)
    with existing_queue(folder.path) as queue:
        store = SampleStore(queue.engine, queue.run)
        sampled = store.arms()
        if not sampled:
            raise InputError(
                f"{folder.path}: no arm was sampled; `oversight audit sample {folder.path} --budget N` first"
            )
        return [told(name, queue, store, given, simulate, seed) for name in (sampled if arm is None else [arm])]


def kept_residuals(spec: ExperimentSpec, queue: AuditQueue) -> tuple[ResidualResult, ...]:
    """What a run's page says of the cases that nobody looked at: of every arm that was sampled and released any."""
    store = SampleStore(queue.engine, queue.run)
    some = [arm for arm in store.arms() if len(store.sample(arm).case_id_N)]
    return tuple(_kept(told(arm, queue, store, seed=spec.seed)) for arm in some)


def _kept(one: Residual) -> ResidualResult:
    counts = {name: getattr(one, name) for name in ("arm", "released", "drawn", "answered", "found", "minutes")}
    estimates = {name: getattr(one, name) for name in ("headline", "exact", "corrected")}
    return ResidualResult(**counts, **estimates, judging=one.judging.words())


def told(
    arm: str,
    queue: AuditQueue,
    store: SampleStore,
    given: Judging | None = None,
    simulate: int | None = None,
    seed: int = 0,
) -> Residual:
    """The estimate for an arm once the answers that are there now are collected. Raises InputError."""
    collect(arm, queue, store)
    sample = store.sample(arm)
    return estimate(sample, given or by_gold(queue, sample.auditors), simulate, seed)


def estimate(sample: Sample, judging: Judging, simulate: int | None = None, seed: int = 0) -> Residual:
    """Estimate from a drawn sample.

    Raises InputError where nothing was released, or it was given that the auditors' answers say nothing.
    """
    if not sample.drawn or not len(sample.case_id_N):
        raise InputError(f"arm {sample.arm!r}: no case was released without a person, so there is nothing to estimate")
    fine, worst = _sampled(sample, False), _sampled(sample, True)
    whole = bool((sample.answered_N | ~sample.drawn_N).all())
    best = headline(fine)
    rest = others(fine)
    if not whole:
        above = others(worst)
        rest = {name: Told(_between(t.estimate, above[name].estimate), t.gave_way) for name, t in rest.items()}
    covered = {}
    if simulate is not None:
        if not whole or best.value is None:
            raise InputError(f"arm {sample.arm!r}: --simulate needs an answer to every drawn case")
        world = scored_world(sample.score_N, sample.model_N, best.value)
        covered = coverage(world, sample.design, simulate, seed)
    return Residual(
        arm=sample.arm,
        released=len(sample.case_id_N),
        drawn=int(sample.drawn_N.sum()),
        answered=int(sample.answered_N.sum()),
        found=int((sample.violates_N & sample.answered_N).sum()),
        minutes=sample.minutes,
        headline=best if whole else _between(best, headline(worst)),
        exact=certain_and_floor(fine) if whole else _between(certain_and_floor(fine), certain_and_floor(worst)),
        others=rest,
        judging=judging,
        corrected=_corrected(fine, worst, whole, judging, seed),
        covered=covered,
    )


def _corrected(fine: Sampled, worst: Sampled, whole: bool, judging: Judging, seed: int) -> Estimate | None:
    right, passed = judging.sensitivity, judging.specificity
    if right is None or passed is None or (judging.source == "gold" and not judging.tells):
        return None
    low = corrected(fine, right, passed, seed=seed)
    return low if whole else _between(low, corrected(worst, right, passed, seed=seed))


def _sampled(sample: Sample, missing: bool) -> Sampled:
    """The sample with the cases that have no answer yet taken as `missing` says."""
    violates = np.where(sample.answered_N, sample.violates_N, missing & sample.drawn_N)
    return Sampled(sample.inclusion_N, sample.drawn_N, sample.floor_N, violates, sample.model_N)


def _between(low: Estimate, high: Estimate) -> Estimate:
    return Estimate(value=None, low=low.low, high=high.high)
