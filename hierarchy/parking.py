"""Parking: cases that need a human leave the pass for the audit queue, and come back with a decision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from agents.columns import Output, Width
from agents.view import View, objects
from agents.vocabulary import REVIEWERS, Role
from hierarchy.arm import Arm
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Item, OutboxRow
from hierarchy.batch import Batch
from hierarchy.block import Block
from hierarchy.fields import VERDICT_TEXT
from hierarchy.flow import Ints
from hierarchy.journal import Journal
from hierarchy.plan import PlannedStep


def park(arm: Arm, block: Block, queue: AuditQueue, now: float, timed: bool = True) -> int:
    """Put every parked case of the block into the queue (once; again changes nothing). Returns how many were new.

    `timed`: the policy answers at the graph's due time. Where a program audits nothing depends on the clock, so that a
    run resumed next month gives the same records.
    """
    new = 0
    for step in arm.plan.steps:
        rows = np.flatnonzero(block.parked == step.index)
        if len(rows):
            new += queue.enqueue(_items(arm, block, step, rows, now, timed))
    return new


def _items(arm: Arm, block: Block, step: PlannedStep, rows: Ints, now: float, timed: bool) -> list[Item]:
    view = block.view(step, rows)
    hashes = view.hashes(arm.fingerprint(step))
    priority = _priority(block, step, rows)
    labels = list(arm.plan.graph.labels) if step.step.labels else []
    due = now + arm.plan.graph.unreviewed.due_seconds if timed else math.inf
    return [
        Item(
            arm=arm.name,
            case_id=str(view.cases.case_id_N[i]),
            step=step.name,
            input_hash=int(hashes[i]),
            payload={**_payload(view, i), "principles": list(step.principles), "labels": labels},
            priority=float(priority[i]),
            enqueued_at=now if timed else 0.0,
            due_at=due,
            round=step.round,
            hidden={"reviews": _reviews(block, step, int(n))},
            reviewers=step.step.reviewers,
            blind=step.step.blind,
            hide_model=step.step.hide_model,
        )
        for i, n in enumerate(rows)
    ]


def _payload(view: View, i: int) -> dict[str, Any]:
    """What the auditor sees: the conversation and the response under review."""
    messages = view.cases.messages_N[i] if view.cases.messages_N is not None else ()
    payload: dict[str, Any] = {
        "messages": [{"role": m.role, "content": m.content} for m in messages],
        "region": view.cases.region_N[i],
        "tags": list(view.cases.tags_N[i] or ()),
    }
    if view.subject is not None:
        payload["response"] = view.subject.text_NK[i, 0]
        payload["latent"] = int(view.subject.latent_NK[i, 0]) & ((1 << view.places) - 1)
    return payload


def _reviews(block: Block, step: PlannedStep, n: int) -> list[dict[str, Any]]:
    """The hidden layer: what every reviewer before the auditor found."""
    reviews = []
    for other in block.plan.steps[: step.index]:
        if other.role not in (*REVIEWERS, Role.CONSENSUS, Role.JUDGE) or not block.ran[other.index, n]:
            continue
        said = block.said(other.index)
        review: dict[str, Any] = {"step": other.name, "verdict": str(VERDICT_TEXT[said["verdict"][n]])}
        if "finding_flag" in said.columns:
            flags = said["finding_flag"][n].any(axis=0)
            review["flagged"] = [name for name, flag in zip(other.principles, flags, strict=True) if flag]
        if "critique" in said.columns and said["critique"][n] is not None:
            review["critique"] = said["critique"][n]
        reviews.append(review)
    return reviews


def _priority(block: Block, step: PlannedStep, rows: Ints) -> Any:
    """The queue's order: the field the auditor's step names, from the latest reviewer of each case that has it."""
    field = "confidence" if step.step.priority == "uncertainty" else step.step.priority
    out = np.zeros(len(rows))
    for other in block.plan.steps[: step.index]:
        said = block.said(other.index)
        if field in said.columns:
            values = said[field][rows].astype(np.float64)
            ran = block.ran[other.index, rows] & ~np.isnan(values)  # who was not asked has no confidence
            out[ran] = (1.0 - values if step.step.priority == "uncertainty" else values)[ran]
    return out


def apply_decisions(arm: Arm, block: Block, queue: AuditQueue, journal: Journal) -> list[str]:
    """Bring the arm's decisions from the outbox into the journal, each once. Returns the cases that can go on.

    A crash between the two commits leaves the outbox row unapplied; applying it again inserts nothing new.
    """
    rows = [row for row in queue.outbox() if row.arm == arm.name]
    if not rows:
        return []
    by_case = {str(case): n for n, case in enumerate(block.cases.case_id_N)}
    journal.record([_batch(arm, block, by_case, row) for row in rows])
    queue.mark_applied([row.id for row in rows])
    return sorted({row.case_id for row in rows})


def _batch(arm: Arm, block: Block, by_case: dict[str, int], row: OutboxRow) -> Batch:
    step = next(s for s in arm.plan.steps if s.name == row.step)
    n = np.array([by_case[row.case_id]])
    decision = row.decision
    wrote = decision.text is not None or decision.latent is not None
    parent = int(block.response(step.responses, n).revision_NK[0, 0])
    labels = block.plan.graph.labels
    output = Output.of(
        Role.AUDITOR,
        1,
        Width(1, len(step.principles), 0),
        verdict=np.array([int(decision.verdict)]),
        text=np.array([[decision.text]], object),
        latent=np.array([[decision.latent or 0]], np.uint64),
        present=np.array([[wrote]]),
        revision=np.array([parent + int(wrote)]),
        label=np.array([labels.index(decision.label) if decision.label in labels else -1]),
        auditor=np.array([decision.auditor], object),
        comment=np.array([decision.comment], object),
        minutes=np.array([row.minutes], np.float32),
    )
    hashes = np.array([row.input_hash], np.uint64)
    return Batch(row.arm, row.step, objects([row.case_id]), hashes, output, row.epoch)


def rows_of(block: Block, case_ids: Sequence[str]) -> Ints:
    """Indices of the cases with these ids, in block order."""
    wanted = set(case_ids)
    return np.flatnonzero([str(case) in wanted for case in block.cases.case_id_N])
