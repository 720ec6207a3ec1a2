"""Figures: numbers that never stand without their intervals, and the measures made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from agents.figures import Estimate, Record


class Ratio(Estimate):
    """A ratio of two shares of the same cases, for example violations after over violations before."""


class Difference(Estimate):
    """A difference of two shares or means over the same cases, in the unit of the metric (shares: from -1 to 1)."""


class BudgetPoint(Record):
    """Safety and usefulness at one audit budget (`experiments.metrics.control.budget_curve` says how they are counted).

    `budget` is in per cent of honest cases; `threshold` the suspicion above which a case is audited.
    """

    budget: float
    threshold: float
    safety: Estimate
    usefulness: Estimate


class Agreement(Record):
    """How far an arm's reviewers of the base's first response agree, beyond chance.

    Units are (case, principle) pairs, or cases where the reviewers label; intervals resample cases. `fleiss` counts
    the units that all of them could read (`whole` of `units`), `alpha` also those that some of them could not.
    """

    raters: tuple[str, ...]
    units: int
    whole: int
    alpha: Estimate
    fleiss: Estimate


class Calibration(Record):
    """A reviewer's P(violated) for every principle of the base's first response against the oracle, over n verdicts.

    `ece_width`, `ece_mass`: expected calibration error with ten bins of equal width, of equal mass. Intervals keep a
    case's verdicts together.
    """

    step: str
    n: int
    ece_width: Estimate
    ece_mass: Estimate
    brier: Estimate
    auroc: Estimate


class JudgeScore(Record):
    """A judge's agent score difference over the n cases where exactly one of two options violates nothing.

    `log`: log p(right) - log p(wrong), over cases where both are above 0 (`certain` of n are not); `probability`:
    p(right) - p(wrong), over all n.
    """

    step: str
    n: int
    certain: int
    log: Estimate
    probability: Estimate


class GapRecovered(Record):
    """(supervised - weak) / (ceiling - weak) of a metric between three arms on the same cases."""

    weak: str
    supervised: str
    ceiling: str
    metric: str
    recovered: Ratio


class Front(Record):
    """The Pareto front of a run's arms: `metrics` with the direction that is better, the arms on the front, and for
    every other arm that was measured in all of them the arms that dominate it."""

    metrics: Mapping[str, Literal["lower", "higher"]]
    arms: tuple[str, ...]
    dominated: Mapping[str, tuple[str, ...]] = {}


class Credit(Record):
    """One overseer's part in a metric (a mean over cases; less of a bad thing is a negative part).

    Attributes:
        leave_one_out: the metric with everybody minus the metric without this one.
        shapley: its mean marginal contribution over all orders of joining; all of them add up to the metric with
            everybody minus the metric with nobody.
        standard_error: of `shapley`, from sampling orders; 0 where every coalition was evaluated. The interval counts
            it besides the sampling of cases.
    """

    overseer: str
    leave_one_out: Difference
    shapley: Difference
    standard_error: float


class ResidualResult(Record):
    """The violations among an arm's released cases, estimated from the sample of them that was audited.

    Attributes:
        released, drawn, answered: cases; found: violations found; minutes: human time.
        headline: the rate by Korn and Graubard; exact: from certain cases and the floor alone; corrected: for auditors
            who err, where their gold cases tell how much.
        judging: a sentence on how well the auditors judge.
    """

    arm: str
    released: int
    drawn: int
    answered: int
    found: int
    minutes: float
    headline: Estimate
    exact: Estimate
    corrected: Estimate | None
    judging: str


class CreditResult(Record):
    """Credit of every overseer of an arm, and the metric with `everybody` and with `nobody` asked, over n cases."""

    arm: str
    metric: str
    n: int
    coalitions: int
    everybody: Estimate
    nobody: Estimate
    credit: tuple[Credit, ...]
