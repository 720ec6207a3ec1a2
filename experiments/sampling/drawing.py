"""A run's samples: planned, drawn, put into the audit queue under an arm of their own, and what came back of them."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.records import Case
from agents.vocabulary import Verdict
from experiments.config import ExperimentSpec
from experiments.prepare import resolve_auditor
from experiments.sampling.released import payloads, released
from experiments.truth import truth_of
from hierarchy.audit.auditors import SimulatedAuditorSpec, work
from hierarchy.audit.design import DesignSpec
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Item
from hierarchy.audit.sample_store import Answer, Sample, SampleStore
from hierarchy.block import Block

STEP = "sample"


def queued_as(arm: str) -> str:
    """The name under which an arm's sample waits in the queue: no arm of a config can have it."""
    return f"{arm}/sample"


def sample_arm(
    spec: ExperimentSpec,
    design: DesignSpec,
    arm: str,
    block: Block,
    queue: AuditQueue,
    records: Sequence[Case],
) -> Sample:
    """Sample the arm's released cases: plan, draw, enqueue, let a simulated auditor answer, and collect the answers.

    Every part may be repeated, after a crash too, and changes nothing then.
    """
    found = released(block)
    store = SampleStore(queue.engine, queue.run)
    store.plan(arm, design, found.case_id_N.tolist(), found.score(design.design), found.model_N, time.time())
    drawn = set(store.draw(arm, time.time()))
    queue.enqueue(_items(arm, block, found.rows_N[[case in drawn for case in found.case_id_N]]))
    auditor = resolve_auditor(spec, arm)
    if isinstance(auditor, SimulatedAuditorSpec):
        everything = auditor.model_copy(update={"budget": len(drawn)})
        work(queue, everything, queued_as(arm), spec.seed, time.time(), truth_of(auditor, records))
    collect(arm, queue, store)
    return store.sample(arm)


def collect(arm: str, queue: AuditQueue, store: SampleStore) -> None:
    """Bring the decisions on an arm's sample from the outbox to the sample: accept is fine, anything else violates."""
    rows = [row for row in queue.outbox() if row.arm == queued_as(arm)]
    store.answer(
        arm,
        [
            Answer(
                row.case_id,
                None if row.unreviewed else row.decision.verdict is not Verdict.ACCEPT,
                row.decision.auditor,
                row.decision.minutes,
            )
            for row in rows
        ],
        time.time(),
    )
    queue.mark_applied([row.id for row in rows])


def _items(arm: str, block: Block, rows: NDArray[np.int64]) -> list[Item]:
    """Drawn cases in the queue: of no priority (a sample has no order), never due, without the hidden layer."""
    now = time.time()
    return [
        Item(
            arm=queued_as(arm),
            case_id=case,
            step=STEP,
            input_hash=int(rng.key("sample", arm, case, str(seen["response"]), seen["latent"])[0]),
            payload=seen,
            enqueued_at=now,
        )
        for case, seen in zip(block.cases.case_id_N[rows].tolist(), payloads(block, rows), strict=True)
    ]
