"""The principles that a case is held to, as a person reads them beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from constitutions.constitution import Constitution, load_constitution
from constitutions.principle import Principle
from experiments.config import ExperimentSpec
from experiments.prepare import arm_graph

Principles = Mapping[str, Principle]


def principles_of(spec: ExperimentSpec) -> Principles:
    """Every principle that a step of the run may name, by id; where two constitutions share one, the run's own."""
    own = load_constitution(spec.constitution)
    named = {step.constitution for arm in spec.arms.values() for step in arm_graph(arm).steps}
    others = [load_constitution(name) for name in sorted(name for name in named if name is not None)]
    return {principle.id: principle for principle in _principles([*others, own])}


def _principles(constitutions: Iterable[Constitution]) -> Iterable[Principle]:
    return (principle for constitution in constitutions for principle in constitution.principles)
