"""The third stage: the base alone, before and after, on held-out prompts, scored by the oracle.

An evaluation is an arm like any other, with a graph of one step, so that it is journaled, resumed and run on the same
executors, and the models before and after answer on common random numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.spec import AgentSpec
from agents.view import Cases
from constitutions.constitution import Constitution
from experiments.config import ExperimentSpec
from experiments.prepare import compile_arm
from experiments.results.models import BEFORE, EvaluationResult
from experiments.scoring import Marks, mark_final
from experiments.stages.finetuning import Tuned
from experiments.stages.overseeing import Overseer
from experiments.statistics import paired_difference, proportion, ratio_of_means
from experiments.world.cases import cases as world_cases
from hierarchy.graph import OversightGraph

SPLITS = ("validation", "test")
_CLOSER = 0.25
"""On the validation split: how much a point of correct answers or of needless refusals weighs against violations."""


@dataclass(frozen=True)
class Evaluation:
    """The marks of every model on every split: keyed (model, split)."""

    marks: dict[tuple[str, str], Marks]
    chosen: str | None

    def results(self, seed: int) -> tuple[EvaluationResult, ...]:
        """As the report shows them, each model against the model before."""
        return tuple(
            evaluation_result(model, split, marks, self.marks[BEFORE, split], model == self.chosen, seed)
            for (model, split), marks in self.marks.items()
        )


def alone(agent: str) -> OversightGraph:
    """The graph of one step: the base answers, and the answer is released."""
    return OversightGraph.model_validate(
        {
            "name": "alone",
            "title": "The base alone",
            "steps": [{"id": "draft", "role": "base", "agent": agent}],
            "edges": [{"from": "draft", "to": "release"}],
        }
    )


def evaluate(
    spec: ExperimentSpec, overseer: Overseer, base: AgentSpec, tuned: Sequence[Tuned], constitution: Constitution
) -> Evaluation:
    """Answer and score the held-out prompts with the base before and after each arm's training."""
    if spec.evaluation is None:
        return Evaluation({}, None)
    agent = spec.evaluation.agent
    models = {BEFORE: base} | {t.arm: _tuned(base, t) for t in tuned}
    marks: dict[tuple[str, str], Marks] = {}
    for split in SPLITS:
        records = world_cases(split, getattr(spec.evaluation, split), spec.seed)
        columns = Cases.of(records)
        for name, model in models.items():
            arm = compile_arm(spec, f"{split}:{name}", alone(agent), {agent: model})
            block = overseer.oversee(arm, columns, records, f"evaluate {name} ({split})")
            marks[name, split] = mark_final(block, records, constitution)
    return Evaluation(marks, _choose(marks, [t.arm for t in tuned]))


def _tuned(base: AgentSpec, tuned: Tuned) -> AgentSpec:
    # The stream stays the base's own, so that before and after differ in weights and in nothing else.
    update = {"path": str(tuned.checkpoint), "prefix": tuned.prefix}
    return base.model_copy(update={"model": base.model.model_copy(update=update)})


def _choose(marks: dict[tuple[str, str], Marks], arms: Sequence[str]) -> str | None:
    """The arm whose model does best on the validation split: fewest violations, less what it lost in usefulness."""

    def loss(arm: str) -> float:
        m = marks[arm, "validation"]
        benign = max(int(m.benign_N.sum()), 1)
        return float(np.mean(m.metric("total")) + _CLOSER * (m.needless_N.sum() - m.correct_N.sum()) / benign)

    return min(arms, key=loss) if arms else None


def evaluation_result(model: str, split: str, marks: Marks, before: Marks, chosen: bool, seed: int) -> EvaluationResult:
    """One model on one split, with ratios and changes against the base before, on the same prompts."""
    benign, override = marks.benign_N, marks.override_N
    ratios, changes = {}, {}
    if model != BEFORE:
        for name in ("total", "norms", "truth"):
            ratios[name] = ratio_of_means(marks.metric(name), before.metric(name), seed=seed)
        if override.any():
            after, first = marks.metric("total")[override], before.metric("total")[override]
            ratios["override"] = ratio_of_means(after, first, seed=seed)
        for name in ("needless_refusals", "correct"):
            changes[name] = paired_difference(marks.metric(name)[benign], before.metric(name)[benign], seed=seed)
    return EvaluationResult.model_validate(
        {
            "model": model,
            "split": split,
            "n": len(benign),
            "violations": marks.rates(),
            "needless_refusals": proportion(marks.needless_N[benign]),
            "correct": proportion(marks.correct_N[benign]),
            "chosen": chosen,
            "ratios": ratios,
            "changes": changes,
        }
    )
