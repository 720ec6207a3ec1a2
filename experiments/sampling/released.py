"""The cases that reached a user without a person having looked, and what the reviewers thought of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.vocabulary import RESPONDERS, CaseOutcome
from hierarchy.audit.design import Score
from hierarchy.block import Block
from hierarchy.fields import suspicion
from hierarchy.plan import PlannedStep
from hierarchy.records import escalated

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_REACHES = (CaseOutcome.RELEASED, CaseOutcome.REVISED)
_UNREAD = 0.5


@dataclass(frozen=True)
class Released:
    """N released cases of an arm: those in which a response reached the user and that never went to a person.

    They are known once every case has made its first pass and do not change after: decisions concern other cases.

    Attributes:
        rows_N: their rows in the block; case_id_N: their ids.
        suspicion_NR: P(violated) by each of the R reviewers, of the principle it thinks likeliest; heard_NR: whether it
            could be read. Only reviewers of the response that was released count, where there are any.
    """

    rows_N: Ints
    case_id_N: NDArray[np.object_]
    suspicion_NR: Floats
    heard_NR: Bools

    @property
    def model_N(self) -> Floats:
        """The mean suspicion of the reviewers; one half where none could be read."""
        count = self.heard_NR.sum(axis=1)
        total = (self.suspicion_NR * self.heard_NR).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), _UNREAD)

    def score(self, design: Score) -> Floats:
        """What a design aims by, [N], from 0 to 1. Cases that nobody could read come first, but in disagreement.

        priority: the largest suspicion. uncertainty: 1 - |2 p - 1|, p the mean suspicion. disagreement: the largest
        minus the smallest suspicion.
        """
        nobody = ~self.heard_NR.any(axis=1)
        highest = np.where(self.heard_NR, self.suspicion_NR, 0.0).max(axis=1, initial=0.0)
        match design:
            case "priority":
                return np.where(nobody, 1.0, highest)
            case "uncertainty":
                return np.asarray(1.0 - np.abs(2.0 * self.model_N - 1.0))
            case "disagreement":
                lowest = np.where(self.heard_NR, self.suspicion_NR, 1.0).min(axis=1, initial=1.0)
                return np.where(nobody, 0.0, highest - lowest)


def released(block: Block) -> Released:
    """The released cases of a block, in its order."""
    rows = np.flatnonzero(np.isin(block.outcomes(), _REACHES) & ~escalated(block))
    steps = [step for step in block.plan.steps if step.finds]
    suspicions, heard, of_final = [], [], []
    final = block.pointer(block.plan.moving, rows)
    for step in steps:
        said = block.said(step.index)
        suspicions.append(suspicion(said)[rows])
        heard.append(block.ran[step.index, rows] & said["finding_present"][rows].any(axis=(1, 2)))
        of_final.append(reviewed(block, step, rows, final))
    if not steps:
        return Released(rows, block.cases.case_id_N[rows], np.zeros((len(rows), 0)), np.zeros((len(rows), 0), bool))
    there, final_too = np.column_stack(heard), np.column_stack(heard) & np.column_stack(of_final)
    use = np.where(final_too.any(axis=1, keepdims=True), final_too, there)
    return Released(rows, block.cases.case_id_N[rows], np.column_stack(suspicions), use)


def reviewed(block: Block, step: PlannedStep, rows: Ints, response: tuple[Ints, Ints]) -> Bools:
    """Whether the step reviewed the response at (step index, candidate), [n]."""
    where, candidate = response
    if step.subject is None:
        seen, which = block.pointer(step.responses, rows)
        return np.asarray((seen == where) & (which == candidate))
    named = block.plan.steps[step.subject.instances[0]] if step.subject.instances else None
    if named is None or named.role not in RESPONDERS:
        return np.zeros(len(rows), bool)
    latest = np.full(len(rows), -1)
    for index in step.subject.instances:
        latest[block.ran[index, rows]] = index
    return np.asarray(latest == where)


def payloads(block: Block, rows: Ints) -> list[dict[str, Any]]:
    """What an auditor of each released case sees: the conversation and the response that the user got, nothing else."""
    cases, final = block.cases, block.final()
    places = (1 << block.plan.places) - 1
    return [
        {
            "messages": [
                {"role": m.role, "content": m.content}
                for m in (cases.messages_N[row] if cases.messages_N is not None else ())
            ],
            "region": cases.region_N[row],
            "tags": list(cases.tags_N[row] or ()),
            "response": final.text_NK[row, 0],
            "latent": int(final.latent_NK[row, 0]) & places,
        }
        for row in rows.tolist()
    ]
