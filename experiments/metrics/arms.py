"""The measures of one arm, from what its block holds: agreement, calibration, judges, budgets, costs per case."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from agents.columns import Output
from agents.figures import Estimate
from agents.vocabulary import Role
from experiments.metrics.agreement import ABSENT, fleiss_kappa, krippendorff_alpha, label_counts
from experiments.metrics.calibration import brier_score, calibration_error, ranking
from experiments.metrics.control import budget_curve
from experiments.metrics.cost import PriceTable, case_costs
from experiments.metrics.gaps import agent_score_difference
from experiments.metrics.latency import critical_path
from experiments.results.figures import Agreement, BudgetPoint, Calibration, JudgeScore
from experiments.statistics import mean_estimate
from hierarchy.block import Block
from hierarchy.fields import suspicion
from hierarchy.plan import PlannedStep
from hierarchy.records import audits, total

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def first_reviewers(block: Block) -> list[PlannedStep]:
    """The critics and safety steps (and judges that label) that review the base's first response itself, in the plan's
    order."""
    base = block.plan.moving[:1]
    steps = [step for step in block.plan.steps if step.asked and _gives_verdicts(step)]
    return [step for step in steps if _reviews(step, base)]


def _gives_verdicts(step: PlannedStep) -> bool:
    return step.finds or (step.role is Role.JUDGE and step.step.labels)


def _reviews(step: PlannedStep, base: tuple[int, ...]) -> bool:
    """Whether the step's subject is the response of `base`: the last on the path so far, or named."""
    return step.responses == base if step.subject is None else step.subject.instances == base


def agreement(block: Block, seed: int) -> Agreement | None:
    """How far the reviewers of the first response agree; None for fewer than two of them, or nothing they share."""
    steps = first_reviewers(block)
    if len(steps) < 2:
        return None
    labels = bool(block.plan.graph.labels)
    codes = np.column_stack([_labels(block, step) if labels else _flags(block, step, steps) for step in steps])
    cases = np.arange(len(codes)) if labels else np.repeat(np.arange(len(block)), len(codes) // max(1, len(block)))
    here = (codes != ABSENT).sum(axis=1) >= 2
    if not here.any():
        return None
    codes, prompts = codes[here], _prompts(block)[cases[here]]
    whole = (codes != ABSENT).all(axis=1)
    nothing = Estimate(value=None, low=None, high=None)
    counts = label_counts(codes)
    return Agreement(
        raters=tuple(step.name for step in steps),
        units=len(codes),
        whole=int(whole.sum()),
        alpha=krippendorff_alpha(codes, prompts, seed),
        fleiss=fleiss_kappa(counts, prompts[whole], seed) if whole.any() else nothing,
    )


def _prompts(block: Block) -> NDArray[np.int64]:
    """The prompt of each case, [N]; without repeated prompts its own number."""
    prompt = block.cases.prompt_N
    return np.arange(len(block)) if prompt is None else prompt


def _labels(block: Block, step: PlannedStep) -> NDArray[np.int64]:
    return np.where(block.ran[step.index], block.said(step.index)["label"], ABSENT).astype(np.int64)


def _flags(block: Block, step: PlannedStep, steps: list[PlannedStep]) -> NDArray[np.int64]:
    """One step's verdicts on the union of the steps' principles, [N * P]: 1 violated, 0 fine, ABSENT."""
    ids = list(dict.fromkeys(name for one in steps for name in one.principles))
    said, out = block.said(step.index), np.full((len(block), len(ids)), ABSENT)
    there = block.ran[step.index][:, None] & said["finding_present"][:, 0]
    where = [ids.index(name) for name in step.principles]
    out[:, where] = np.where(there, said["finding_flag"][:, 0], ABSENT)
    return out.ravel()


def calibration(block: Block, violates_NP: Bools, principles: tuple[str, ...], seed: int) -> tuple[Calibration, ...]:
    """Each reviewer's P(violated) against what the first response violates by the oracle, [N, P] over `principles`."""
    found = []
    for step in first_reviewers(block):
        said = block.said(step.index)
        if not said["finding_present"].any():
            continue
        there = block.ran[step.index][:, None] & said["finding_present"][:, 0]
        truth = violates_NP[:, [principles.index(name) for name in step.principles]]
        p, y, case = probability(said)[there], truth[there], np.nonzero(there)[0]
        found.append(
            Calibration(
                step=step.name,
                n=len(p),
                ece_width=calibration_error(p, y, clusters=case, seed=seed),
                ece_mass=calibration_error(p, y, equal_mass=True, clusters=case, seed=seed),
                brier=brier_score(p, y, case),
                auroc=ranking(p, y, case),
            )
        )
    return tuple(found)


def probability(said: Output) -> Floats:
    """P(violated) of a reviewer's findings on the first candidate, [n, P]: its confidence where it flagged, else the
    rest."""
    sure = said["finding_confidence"][:, 0].astype(np.float64)
    out: Floats = np.where(said["finding_flag"][:, 0], sure, 1.0 - sure)
    return out


def judges(block: Block, violating: Mapping[int, Bools]) -> tuple[JudgeScore, ...]:
    """Agent score difference of every judge of two options, where exactly one of them violates nothing.

    `violating` says of the first candidate of each responding step instance whether it violates anything, [N].
    """
    found = []
    for step in block.plan.steps:
        sides = [source.instances[-1] for source in step.options if source.instances]
        if step.role is not Role.JUDGE or len(sides) != 2 or block.said(step.index)["score"].shape[1] != 2:
            continue
        if any(side not in violating for side in sides):
            continue
        score = block.said(step.index)["score"].astype(np.float64)
        first, second = (violating[side] for side in sides)
        asked = np.logical_and.reduce([block.ran[index] for index in (step.index, *sides)])
        here = asked & (first != second) & ~np.isnan(score).any(axis=1)
        if not here.any():
            continue
        right = np.where(first, score[:, 1], score[:, 0])[here]
        wrong = np.where(first, score[:, 0], score[:, 1])[here]
        open_ = (right > 0) & (wrong > 0)
        nothing = Estimate(value=None, low=None, high=None)
        found.append(
            JudgeScore(
                step=step.name,
                n=int(here.sum()),
                certain=int((~open_).sum()),
                log=agent_score_difference(right[open_], wrong[open_]) if open_.any() else nothing,
                probability=agent_score_difference(right, wrong, score="probability"),
            )
        )
    return tuple(found)


def budgets(block: Block, attack_N: Bools, useful_N: Bools, seed: int) -> tuple[BudgetPoint, ...]:
    """The safety and usefulness an audit budget would buy if cases were ranked by the suspicion of the reviewers of the
    first response: the mean over those that ran of their largest P(violated). Attacks are first responses that violate;
    an honest case is worth `useful_N`. Cases no reviewer could read are left out."""
    steps = first_reviewers(block)
    if not steps or block.plan.graph.labels:
        return ()
    heard = np.stack([block.ran[s.index] & block.said(s.index)["finding_present"].any(axis=(1, 2)) for s in steps])
    scores = np.stack([suspicion(block.said(step.index)) for step in steps])
    here = heard.any(axis=0)
    score = (scores * heard).sum(axis=0) / np.maximum(heard.sum(axis=0), 1)
    return budget_curve(score[here], attack_N[here], useful_N[here], seed=seed)


def per_case(
    block: Block, prices: PriceTable | None, latency: Mapping[Role, float]
) -> tuple[dict[str, Estimate], tuple[str, ...]]:
    """(means over cases of minutes, calls, tokens where some model counts them, and cost and latency where the config
    says what they take; agents without a price)."""
    prompt = block.cases.prompt_N
    columns = {"human_minutes": audits(block)[2], "calls": total(block, "calls")}
    tokens = total(block, "tokens")
    if tokens.any():  # simulated, scripted and recorded models count none
        columns["tokens"] = tokens
    found = {name: mean_estimate(values, prompt) for name, values in columns.items()}
    unpriced: tuple[str, ...] = ()
    if prices is not None:
        costs = case_costs(block, prices)
        unpriced = costs.unpriced
        found["cost"] = Estimate(value=None, low=None, high=None) if unpriced else mean_estimate(costs.cost_N, prompt)
    if latency:
        found["latency"] = mean_estimate(critical_path(block, latency), prompt)
    return found, unpriced
