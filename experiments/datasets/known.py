"""What a run knows about its training sets from outside: held-out prompts, the base's answers, what people said."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from agents.figures import Estimate
from agents.records import Settlement
from agents.spec import TransformersSpec
from constitutions.constitution import load_constitution
from experiments.audit.accuracy import auditor_accuracy
from experiments.audit.run_queue import existing_queue, has_queue
from experiments.config import ExperimentSpec
from experiments.folder import RunFolder
from experiments.prepare import resolve_agents, resolve_auditor
from experiments.statistics.fallible import Gold, melded
from experiments.statistics.survey import Effective
from experiments.world.cases import cases
from hierarchy.audit.auditors import SimulatedAuditorSpec
from hierarchy.audit.sample_store import SampleStore
from training.checks.columns import text_of
from training.checks.hidden import hidden_states
from training.checks.noise import Correct
from training.checks.spec import GateSpec
from training.checks.summary import Embed, Outside
from training.config import TrainSpec
from training.lineage import trace

_EXACT = 10**6
"""Gold cases that stand for an error rate which the config itself sets."""


def outside_of(
    spec: ExperimentSpec, folder: RunFolder, gate: GateSpec, arm: str, settled: Sequence[Settlement]
) -> Outside:
    """What the sets of one arm are compared with."""
    first = {trace(case, spec.name, 0).where: case.responses[0].text for case in settled if case.responses}
    return Outside(
        prompts=held_out(spec),
        principles=load_constitution(spec.constitution).ids,
        reference=first,
        reference_name="the base's first responses to the same cases",
        sampled=_sampled(spec, folder, arm),
        correct=_correct(spec, folder, arm),
        embed=_embed(spec) if gate.checks.kernel == "hidden" else None,
    )


def held_out(spec: ExperimentSpec) -> dict[str, list[str]]:
    """The prompts that the tuned base is chosen and judged on, by split."""
    if spec.evaluation is None:
        return {}
    sizes = {"validation": spec.evaluation.validation, "test": spec.evaluation.test}
    return {split: [text_of(case.messages) for case in cases(split, n, spec.seed)] for split, n in sizes.items()}


def _sampled(spec: ExperimentSpec, folder: RunFolder, arm: str) -> dict[str, bool]:
    """Whether a person flagged each released case that was drawn by chance and answered."""
    if not has_queue(folder, spec):
        return {}
    with existing_queue(folder.path) as queue:
        store = SampleStore(queue.engine, queue.run)
        if arm not in store.arms():
            return {}
        sample = store.sample(arm)
    answers = zip(sample.case_id_N, sample.answered_N, sample.violates_N, strict=True)
    return {f"{arm} / {case}": bool(violates) for case, answered, violates in answers if answered}


def _correct(spec: ExperimentSpec, folder: RunFolder, arm: str) -> Correct | None:
    """How to take out the errors of the arm's auditors; None where they are not known."""
    known = _errors(spec, folder, arm)
    if known is None or known[0].share + known[1].share <= 1:
        return None
    sensitivity, specificity = known

    def correct(wrong: int, n: int, violates: bool) -> Estimate:
        # Of labels that say "violates" the person passed `wrong`: passing is to the fine what flagging is to the rest.
        pair = (specificity, sensitivity) if violates else (sensitivity, specificity)
        return melded([(1.0, Effective(wrong, n))], *pair, seed=spec.seed)

    return correct


def _errors(spec: ExperimentSpec, folder: RunFolder, arm: str) -> tuple[Gold, Gold] | None:
    """Sensitivity and specificity: as the config sets them, or by the answers of all people to gold cases."""
    auditor = resolve_auditor(spec, arm)
    if isinstance(auditor, SimulatedAuditorSpec) and not auditor.fatigue:
        shares = (auditor.sensitivity, auditor.specificity)
        sensitivity, specificity = (Gold(round(share * _EXACT), _EXACT) for share in shares)
        return sensitivity, specificity
    if spec.execution.database is None and not folder.audit.is_file():
        return None
    with existing_queue(folder.path) as queue:
        people = auditor_accuracy(queue)
    sums = [
        Gold(sum(share.right for share in shares), sum(share.n for share in shares))
        for shares in ([one.sensitivity for one in people], [one.specificity for one in people])
    ]
    return (sums[0], sums[1]) if all(gold.cases for gold in sums) else None


def _embed(spec: ExperimentSpec) -> Embed | None:
    base = resolve_agents(spec, spec.agents)[spec.evaluation.agent if spec.evaluation else "base"]
    if not isinstance(base.model, TransformersSpec):
        return None
    longest = max((stage.train.max_length for stage in spec.training), default=TrainSpec().max_length)
    return partial(hidden_states, base.model.path, longest)
