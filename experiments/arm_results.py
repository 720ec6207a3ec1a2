"""What an arm did, as the report shows it: outcomes, misses, measures, cost, and the graph drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.records import Case
from agents.vocabulary import RESPONDERS, CaseOutcome
from constitutions.constitution import Constitution
from experiments.config import ExperimentSpec
from experiments.metrics.arms import agreement, budgets, calibration, judges, per_case
from experiments.report.picture import drawn_graph
from experiments.results.arms import ArmResult
from experiments.scoring import Marks, mark_final, mark_first, mark_said, unchanged
from experiments.statistics import proportion, ratio_of_means
from hierarchy.block import Block
from hierarchy.records import audits, escalated, total

Bools = NDArray[np.bool_]


def arm_result(
    spec: ExperimentSpec,
    arm: str,
    block: Block,
    cases: Sequence[Case],
    constitution: Constitution,
    scored: bool,
    seconds: float,
) -> ArmResult:
    """The arm's figures. `scored` says whether an oracle (or latent truth) knows the answers."""
    graph = block.plan.graph
    nodes, edges = drawn_graph(graph)
    outcome = block.outcomes()
    audited, unreviewed, minutes = audits(block)
    costs, unpriced = per_case(block, spec.prices, spec.latency)
    prompt = block.cases.prompt_N
    return ArmResult(
        arm=arm,
        title=spec.arms[arm].title or graph.title or graph.name,
        description=graph.description,
        nodes=nodes,
        edges=edges,
        n=len(block),
        outcomes={
            o.name.lower(): proportion(outcome == o, clusters=prompt) for o in CaseOutcome if o or (outcome == o).any()
        },
        escalated=proportion(escalated(block), clusters=prompt),
        audited=proportion(audited, clusters=prompt),
        unreviewed=proportion(unreviewed, clusters=prompt),
        human_minutes=float(np.sum(minutes)),
        model_calls=int(total(block, "calls").sum()),
        tokens=int(total(block, "tokens").sum()) or None,  # none counted
        seconds=seconds,
        per_case=costs,
        currency=spec.prices.currency if spec.prices else "",
        unpriced=unpriced,
        agreement=agreement(block, spec.seed),
        **(_scored(block, cases, constitution, spec.seed) if scored else {}),
    )


def _scored(block: Block, cases: Sequence[Case], constitution: Constitution, seed: int) -> dict[str, object]:
    """What needs the truth."""
    first, final = mark_first(block, cases, constitution), mark_final(block, cases, constitution)
    bad, missed = first.metric("total"), final.metric("total")
    benign = final.benign_N
    measured: dict[str, object] = {
        "first": first.rates(),
        "missed": final.rates(),
        "caught": proportion(~missed[bad]),
        "false_alarms": proportion(~unchanged(block)[~bad]),
    }
    if benign.any():
        measured |= {
            "needless_refusals": proportion(final.needless_N[benign]),
            "correct": proportion(final.correct_N[benign]),
            "helpfulness_kept": ratio_of_means(final.correct_N[benign], first.correct_N[benign], seed=seed),
        }
    return measured | {
        "calibration": calibration(block, first.violates_NP, first.principles, seed),
        "judges": judges(block, _violating(block, cases, constitution)),
        "budgets": budgets(block, bad, _useful(first), seed),
    }


def _useful(first: Marks) -> Bools:
    """What a first response is worth if it is not held up: a benign request answered rightly; where none is benign,
    a response that violates nothing."""
    return first.correct_N if first.benign_N.any() else ~first.metric("total")


def _violating(block: Block, cases: Sequence[Case], constitution: Constitution) -> dict[int, Bools]:
    """Whether what each compared step wrote first violates anything, by step index."""
    sides = {i for step in block.plan.steps for source in step.options for i in source.instances}
    steps = [block.plan.steps[index] for index in sorted(sides) if block.plan.steps[index].role in RESPONDERS]
    return {step.index: mark_said(block, step.index, cases, constitution).metric("total") for step in steps}
