"""Transcripts: a case's whole path, for the report's examples and for `oversight show`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.vocabulary import RESPONDERS, REVIEWERS, CaseOutcome, Role
from experiments.results.transcripts import Transcript, Turn
from hierarchy.block import Block
from hierarchy.fields import VERDICT_TEXT
from hierarchy.plan import PlannedStep
from hierarchy.records import audits

_WHY = {
    CaseOutcome.RELEASED: "released as written",
    CaseOutcome.REVISED: "released after revision",
    CaseOutcome.REDIRECTED: "declined with an alternative",
    CaseOutcome.REFUSED: "refused",
    CaseOutcome.PENDING: "waits for a human",
}


def examples(blocks: Sequence[tuple[str, Block]], count: int) -> tuple[Transcript, ...]:
    """About `count` cases for the report: per arm, one audited, then revised, then others, in case order."""
    chosen: list[Transcript] = []
    per_arm = -(-count // max(len(blocks), 1))
    for arm, block in blocks:
        audited, unreviewed, _ = audits(block)
        outcome = block.outcomes()
        wanted = [audited, outcome == CaseOutcome.REVISED, unreviewed, outcome == CaseOutcome.RELEASED]
        rows: list[int] = []
        for mask in wanted:
            rows += [int(n) for n in np.flatnonzero(mask) if int(n) not in rows][:1]
        chosen += [transcript(arm, block, n) for n in rows[:per_arm]]
    return tuple(chosen[:count])


def transcript(arm: str, block: Block, n: int) -> Transcript:
    """Everything that happened to case n, visible and hidden apart."""
    outcome = CaseOutcome(int(block.outcomes()[n]))
    messages = block.cases.messages_N[n] if block.cases.messages_N is not None else ()
    visible = [Turn(speaker=message.role, text=message.content) for message in messages]
    hidden = []
    for step in block.plan.steps:
        if not block.ran[step.index, n]:
            continue
        if step.role in RESPONDERS:
            visible += [Turn(speaker=f"{step.name} ({step.step.agent})", text=t) for t in texts(block, step, n)]
        else:
            hidden.append(
                Turn(speaker=f"{step.name} ({step.step.agent or step.role.value})", text=verdict(block, step, n))
            )
        if step.role is Role.AUDITOR:
            visible += [Turn(speaker=step.name, text=t) for t in texts(block, step, n)]
    return Transcript(
        arm=arm,
        case_id=str(block.cases.case_id_N[n]),
        outcome=outcome.name.lower(),
        why=_WHY[outcome],
        visible=tuple(visible),
        hidden=tuple(hidden),
    )


def texts(block: Block, step: PlannedStep, n: int) -> list[str]:
    """The texts a step wrote for case n."""
    return [str(text) for text in block.said(step.index)["text"][n] if text is not None]


def verdict(block: Block, step: PlannedStep, n: int) -> str:
    """What a reviewing step concluded about case n, in one line of words."""
    said = block.said(step.index)
    parts = [str(VERDICT_TEXT[said["verdict"][n]])]
    if "finding_flag" in said.columns:
        flags = said["finding_flag"][n].any(axis=0)
        parts += [f"flags {', '.join(name for name, flag in zip(step.principles, flags, strict=True) if flag)}"] * any(
            flags
        )
    if step.role is Role.JUDGE and step.step.options and said["chosen"][n] >= 0:
        parts.append(f"prefers option {int(said['chosen'][n]) + 1}")
    if block.plan.graph.labels and step.step.labels and said["label"][n] >= 0:
        parts.append(block.plan.graph.labels[int(said["label"][n])])
    if "confidence" in said.columns:
        parts.append(f"confidence {said['confidence'][n]:.2f}")
    if step.role is Role.CONSENSUS:
        parts.append(f"disagreement {said['disagreement'][n]:.2f}")
    if step.role is Role.SAFETY and np.isfinite(said["override"][n]):
        parts.append(f"override attempt {said['override'][n]:.2f}")
    if step.role in REVIEWERS and said["critique"][n]:
        parts.append(str(said["critique"][n]))
    if step.role is Role.AUDITOR:
        parts.append(f"by {said['auditor'][n]}")
    return "; ".join(parts)
