"""Which proportions of a record a table or chart shows, keyed by metric: the page and the terminal read the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agents.figures import Proportion
from experiments.results.arms import ArmResult, ViolationRates
from experiments.results.models import EvaluationResult

ArmColumn = Callable[[ArmResult], Proportion | None]
ModelColumn = Callable[[EvaluationResult], Proportion | None]


def _missed(pick: Callable[[ViolationRates], Proportion]) -> ArmColumn:
    return lambda arm: None if arm.missed is None else pick(arm.missed)


# Norm and truth violations stand apart, and never without needless refusals and correct answers beside them.
ARM_COLUMNS: Mapping[str, ArmColumn] = {
    "first_violations": lambda arm: None if arm.first is None else arm.first.total,
    "missed_violations": _missed(lambda missed: missed.total),
    "missed_norms": _missed(lambda missed: missed.norms),
    "missed_truth": _missed(lambda missed: missed.truth),
    "caught": lambda arm: arm.caught,
    "false_alarms": lambda arm: arm.false_alarms,
    "needless_refusals": lambda arm: arm.needless_refusals,
    "correct": lambda arm: arm.correct,
}
LOAD_COLUMNS: Mapping[str, ArmColumn] = {
    "escalated": lambda arm: arm.escalated,
    "audited": lambda arm: arm.audited,
    "unreviewed": lambda arm: arm.unreviewed,
}
MODEL_COLUMNS: Mapping[str, ModelColumn] = {
    "violations": lambda model: model.violations.total,
    "norms": lambda model: model.violations.norms,
    "truth": lambda model: model.violations.truth,
    "override": lambda model: model.violations.override,
    "needless_refusals": lambda model: model.needless_refusals,
    "correct": lambda model: model.correct,
}

COST_DIGITS: Mapping[str, int] = {"human_minutes": 2, "calls": 1, "tokens": 0, "cost": 4, "latency": 1}


def filled_costs(arms: Sequence[ArmResult]) -> Mapping[str, int]:
    """The means per case that some arm has, with the digits they are written with."""
    return {name: digits for name, digits in COST_DIGITS.items() if any(name in arm.per_case for arm in arms)}


def filled_arm_columns(columns: Mapping[str, ArmColumn], arms: Sequence[ArmResult]) -> Mapping[str, ArmColumn]:
    """The columns that some arm has a value for."""
    return {key: column for key, column in columns.items() if any(column(arm) is not None for arm in arms)}


def filled_model_columns(models: Sequence[EvaluationResult]) -> Mapping[str, ModelColumn]:
    """The columns of `MODEL_COLUMNS` that some model has a value for."""
    return {key: column for key, column in MODEL_COLUMNS.items() if any(column(m) is not None for m in models)}


def principle_names(rates: Sequence[ViolationRates | None]) -> tuple[str, ...]:
    """Every principle that some of the rates name, in order of appearance."""
    return tuple(dict.fromkeys(name for one in rates if one is not None for name in one.principles))
