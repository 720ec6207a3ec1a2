"""Arms against one another on the same cases: declared comparisons, gaps recovered, the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from experiments.config import ExperimentSpec, GapSpec, MarkedMetric
from experiments.metrics.gaps import gap_recovered
from experiments.metrics.pareto import dominators
from experiments.results.arms import ArmResult, Comparison
from experiments.results.figures import Front, GapRecovered
from experiments.scoring import Marks
from experiments.statistics import compare, with_holm

Better = Literal["lower", "higher"]


def compared(
    spec: ExperimentSpec, marks: Mapping[str, Marks]
) -> tuple[tuple[Comparison, ...], tuple[GapRecovered, ...]]:
    """(declared comparisons, with Holm's correction over all of them; gaps recovered), from the arms' marks."""
    comparisons = [
        compare(
            f"{c.a} against {c.b}",
            (c.a, c.b),
            c.metric,
            marks[c.a].counted(c.metric),
            marks[c.b].counted(c.metric),
            seed=spec.seed,
            planned=True,
        )
        for c in spec.compare
    ]
    return with_holm(comparisons), tuple(_recovered(gap, marks, spec.seed) for gap in spec.gaps)


def _recovered(gap: GapSpec, marks: Mapping[str, Marks], seed: int) -> GapRecovered:
    weak, supervised, ceiling = (_good(marks[arm], gap.metric) for arm in (gap.weak, gap.supervised, gap.ceiling))
    return GapRecovered(
        weak=gap.weak,
        supervised=gap.supervised,
        ceiling=gap.ceiling,
        metric=gap.metric,
        recovered=gap_recovered(weak, supervised, ceiling, seed=seed),
    )


def _good(marks: Marks, metric: MarkedMetric) -> NDArray[np.bool_]:
    """The metric as performance: what is right, or what is not harmful."""
    flag = marks.counted(metric)
    return flag if metric == "correct" else ~flag


def arm_front(arms: Sequence[ArmResult]) -> Front | None:
    """The Pareto front of the arms over missed violations, human minutes, cost (model calls, where there is no price)
    and correct answers to benign requests; each where every arm was measured in it. None for fewer than two arms, or
    where nobody knows what was missed."""
    if len(arms) < 2 or any(arm.missed is None for arm in arms):
        return None
    columns: dict[str, tuple[Better, list[float | None]]] = {
        "missed_violations": ("lower", [arm.missed.total.value if arm.missed else None for arm in arms]),
        "human_minutes": ("lower", [_mean(arm, "human_minutes") for arm in arms]),
        "cost": ("lower", [_mean(arm, "cost") for arm in arms]),
        "correct": ("higher", [arm.correct.value if arm.correct else None for arm in arms]),
    }
    if None in columns["cost"][1]:
        columns["calls"] = ("lower", [_mean(arm, "calls") for arm in arms])
    known = {name: column for name, column in columns.items() if None not in column[1]}
    values = np.array([column for _, column in known.values()], np.float64).T
    beaten = dominators(values, [better for better, _ in known.values()])
    return Front(
        metrics={name: better for name, (better, _) in known.items()},
        arms=tuple(arm.arm for arm, by in zip(arms, beaten, strict=True) if not by),
        dominated={arm.arm: tuple(arms[i].arm for i in by) for arm, by in zip(arms, beaten, strict=True) if by},
    )


def _mean(arm: ArmResult, name: str) -> float | None:
    found = arm.per_case.get(name)
    return None if found is None else found.value
