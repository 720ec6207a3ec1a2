"""Label runs: what was settled about recorded answers, and how well each rater agrees with people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.models.recorded import RecordedModel
from agents.spec import RecordedSpec
from agents.vocabulary import Role
from experiments.agreement import label_rates, rater_agreement
from experiments.config import ExperimentSpec
from experiments.prepare import resolve_auditor
from experiments.results.labels import LabelRates, RaterAgreement
from hierarchy.audit.auditors import RecordedAuditorSpec
from hierarchy.block import Block
from hierarchy.plan import PlannedStep

SETTLED, HUMAN = "settled", "human"
Given = list[str | None]


def label_results(
    spec: ExperimentSpec, blocks: Sequence[tuple[str, Block]]
) -> tuple[tuple[LabelRates, ...], tuple[RaterAgreement, ...]]:
    """(label rates, rater agreement) of every arm whose graph labels; empty for the others."""
    rates: list[LabelRates] = []
    raters: list[RaterAgreement] = []
    for arm, block in blocks:
        labels = block.plan.graph.labels
        if not labels:
            continue
        human, prompt = _reference(spec, arm, block), block.cases.prompt_N
        sources = [(SETTLED, settled(block))] + ([(HUMAN, human)] if human else [])
        for group, tag in (spec.labels.groups if spec.labels else {"all": ""}).items():
            rows = [n for n, tags in enumerate(block.cases.tags_N) if not tag or tag in tags]
            of = None if prompt is None else prompt[rows]
            rates += [label_rates(arm, name, group, [given[n] for n in rows], labels, of) for name, given in sources]
        if human:
            raters += [
                rater_agreement(arm, name, HUMAN, human, given, labels, spec.seed, prompt)
                for name, given in [*_raters(block), (SETTLED, settled(block))]
            ]
    return tuple(rates), tuple(raters)


def settled(block: Block) -> Given:
    """The label each case ended with: the auditor's where one decided, else the consensus's; None while open."""
    out: Given = [None] * len(block)
    for step in block.plan.steps:
        if step.role in (Role.CONSENSUS, Role.AUDITOR):
            out = [new if new is not None else old for new, old in zip(said(block, step), out, strict=True)]
    return out


def said(block: Block, step: PlannedStep) -> Given:
    """The labels one step gave; None where it did not run or could not be read."""
    vocabulary = np.array([*block.plan.graph.labels, None], object)
    label = np.where(block.ran[step.index], block.said(step.index)["label"], -1)
    given: Given = vocabulary[label].tolist()
    return given


def _raters(block: Block) -> list[tuple[str, Given]]:
    steps = [s for s in block.plan.steps if s.step.labels and s.role not in (Role.CONSENSUS, Role.AUDITOR)]
    return [(step.name, said(block, step)) for step in steps]


def _reference(spec: ExperimentSpec, arm: str, block: Block) -> Given:
    """The recorded human label of every case, escalated or not; empty where no recorded auditor is configured."""
    auditor = resolve_auditor(spec, arm)
    if not isinstance(auditor, RecordedAuditorSpec):
        return []
    model = RecordedModel(RecordedSpec(path=auditor.path, id=auditor.id, label=auditor.label, labels=auditor.labels))
    labels = block.plan.graph.labels
    return [label if (label := model.label(case)) in labels else None for case in block.cases.case_id_N]
