"""Critiques sampled for audit: was the critic right, and for the right reason?

A critique is drawn by a keyed hash of its case and step, so the draw is the same however often it is made, and no
critic can foresee it; its probability goes with it. The answer is a label: what a critic says of a fine answer can be
right too, and what it flags can be bad for another reason than it gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents import rng
from agents.view import View
from agents.vocabulary import Verdict
from constitutions.errors import InputError
from experiments.audit.accuracy import Share
from hierarchy.arm import Arm
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.reading import open_decisions
from hierarchy.audit.records import Item, Kind
from hierarchy.block import Block
from hierarchy.fields import VERDICT_TEXT
from hierarchy.plan import PlannedStep

RIGHT, WRONG_REASON, WRONG = "right", "wrong reason", "wrong"
LABELS = (RIGHT, WRONG_REASON, WRONG)


@dataclass(frozen=True, slots=True)
class CriticAudit:
    """One critic of one arm: how many of its sampled critiques wait, and of those read, how many got which label."""

    arm: str
    step: str
    waiting: int
    right: Share
    wrong_reason: Share


def sample_critiques(queue: AuditQueue, arm: Arm, block: Block, share: float, now: float) -> int:
    """Put a share of the arm's critiques (0 to 1) in the queue; returns how many are new. Raises InputError."""
    if not 0 < share <= 1:
        raise InputError(f"share of critiques {share}; expected more than 0 and at most 1")
    steps = [step for step in block.plan.steps if step.finds and step.asked]
    return queue.enqueue([item for step in steps for item in _items(arm, block, step, share, now)])


def _items(arm: Arm, block: Block, step: PlannedStep, share: float, now: float) -> Iterator[Item]:
    said = block.said(step.index)
    read = block.ran[step.index] & (said["verdict"] != Verdict.MISSING)
    keys = rng.text_keys(block.cases.case_id_N.astype(object))
    drawn = rng.uniform(rng.fold(keys, rng.key(arm.seed, "critique", step.name))) < share
    rows = np.flatnonzero(read & drawn)
    if not len(rows):
        return
    view = block.view(step, rows)
    for i, n in enumerate(rows.tolist()):
        yield Item(
            arm=arm.name,
            case_id=str(view.cases.case_id_N[i]),
            step=step.name,
            input_hash=0,
            payload=_seen(view, i, step, share),
            enqueued_at=now,
            hidden=_critique(said, step, n),
            kind=Kind.CRITIQUE,
        )


def _seen(view: View, i: int, step: PlannedStep, share: float) -> dict[str, Any]:
    messages = view.cases.messages_N[i] if view.cases.messages_N is not None else ()
    return {
        "messages": [{"role": m.role, "content": m.content} for m in messages],
        "response": None if view.subject is None else view.subject.text_NK[i, 0],
        "principles": list(step.principles),
        "labels": list(LABELS),
        "probability": share,
    }


def _critique(said: Any, step: PlannedStep, n: int) -> dict[str, Any]:
    flags = said["finding_flag"][n].any(axis=0)
    flagged = [name for name, flag in zip(step.principles, flags, strict=True) if flag]
    review = {"step": step.name, "verdict": str(VERDICT_TEXT[said["verdict"][n]]), "flagged": flagged}
    if "critique" in said.columns and said["critique"][n] is not None:
        review["critique"] = said["critique"][n]
    return {"reviews": [review]}


def critic_audits(queue: AuditQueue) -> list[CriticAudit]:
    """Every critic of whom critiques were sampled, by arm and step, with exact intervals at 95 %."""
    labels: dict[tuple[str, str], list[str]] = {}
    for given in open_decisions(queue.engine, queue.run, Kind.CRITIQUE):
        if given.decision.label is not None:
            labels.setdefault((given.key.arm, given.key.step), []).append(given.decision.label)
    sampled = queue.list_items(kind=Kind.CRITIQUE)
    found = []
    for arm, step in sorted({(item.arm, item.step) for item in sampled}):
        said = labels.get((arm, step), [])
        of_critic = sum((item.arm, item.step) == (arm, step) for item in sampled)
        shares = [Share(said.count(label), len(said)) for label in (RIGHT, WRONG_REASON)]
        found.append(CriticAudit(arm, step, of_critic - len(said), *shares))
    return found
