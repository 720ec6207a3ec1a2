"""What a sample says about every released case of an arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from constitutions.errors import InputError
from experiments.config import ExperimentSpec
from experiments.folder import RunFolder
from experiments.results import Estimate
from experiments.sampling.coverage import Covered, coverage, scored_world
from experiments.sampling.drawing import collect
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
        corrected: for fallible auditors, where their results on gold cases are known.
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
    corrected: Estimate | None
    covered: dict[str, Covered]


def residuals(
    folder: RunFolder,
    spec: ExperimentSpec,
    arm: str | None = None,
    sensitivity: Gold | None = None,
    specificity: Gold | None = None,
    simulate: int | None = None,
    seed: int = 0,
) -> list[Residual]:
    """An estimate for each arm of a run that was sampled (or for one), from the answers that are there now.

    Raises InputError where the run has no sample.
    """
    if not folder.audit.is_file():
        raise InputError(f"{folder.path}: has no audit queue yet; `oversight resume {folder.path}` first")
    found = []
    with (
        SampleStore.open(folder.audit, spec.name) as store,
        AuditQueue.open(folder.audit, spec.name, seed=spec.seed, create=False) as queue,
    ):
        sampled = store.arms()
        if not sampled:
            raise InputError(
                f"{folder.path}: no arm was sampled; `oversight audit sample {folder.path} --budget N` first"
            )
        for name in sampled if arm is None else [arm]:
            collect(name, queue, store)
            found.append(estimate(store.sample(name), sensitivity, specificity, simulate, seed))
    return found


def estimate(
    sample: Sample,
    sensitivity: Gold | None = None,
    specificity: Gold | None = None,
    simulate: int | None = None,
    seed: int = 0,
) -> Residual:
    """Estimate from a drawn sample. Raises InputError where nothing was released or one of two gold counts is given."""
    if not sample.drawn or not len(sample.case_id_N):
        raise InputError(f"arm {sample.arm!r}: no case was released without a person, so there is nothing to estimate")
    if (sensitivity is None) != (specificity is None):
        raise InputError("--sensitivity and --specificity correct an estimate together; give both or neither")
    fine, worst = _sampled(sample, False), _sampled(sample, True)
    whole = bool((sample.answered_N | ~sample.drawn_N).all())
    best = headline(fine)
    rest = others(fine)
    if not whole:
        above = others(worst)
        rest = {name: Told(_between(t.estimate, above[name].estimate), t.gave_way) for name, t in rest.items()}
    gold = None
    if sensitivity is not None and specificity is not None:
        gold = corrected(fine, sensitivity, specificity, seed=seed)
        gold = gold if whole else _between(gold, corrected(worst, sensitivity, specificity, seed=seed))
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
        corrected=gold,
        covered=covered,
    )


def _sampled(sample: Sample, missing: bool) -> Sampled:
    """The sample with the cases that have no answer yet taken as `missing` says."""
    violates = np.where(sample.answered_N, sample.violates_N, missing & sample.drawn_N)
    return Sampled(sample.inclusion_N, sample.drawn_N, sample.floor_N, violates, sample.model_N)


def _between(low: Estimate, high: Estimate) -> Estimate:
    return Estimate(value=None, low=low.low, high=high.high)
