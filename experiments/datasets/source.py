"""What dataset builders read of a run's arms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from constitutions.constitution import load_constitution
from experiments.audit.run_queue import run_queue
from experiments.cases import load_cases
from experiments.config import ExperimentSpec
from experiments.folder import RunFolder
from experiments.prepare import prepare_arms
from hierarchy.arm import Arm
from hierarchy.audit.queue import AuditQueue
from hierarchy.block import Block
from hierarchy.executor import read_back
from hierarchy.journal import Journal
from hierarchy.questions import questions
from hierarchy.reviews import reviews
from hierarchy.settlement import settlements
from training.datasets import Source


def arm_source(spec: ExperimentSpec, arm: Arm, block: Block, queue: AuditQueue) -> Source:
    """One arm of a run, with its appeals and gold cases. The hidden layer is read when a builder asks for it."""
    principles = load_constitution(spec.constitution).principles
    return Source(
        run=spec.name,
        settlements=settlements(arm.name, block, queue.appeals(arm.name)),
        questions=lambda uses: questions(arm, block, uses),
        reviews=lambda: reviews(arm, block),
        statements={principle.id: principle.statement for principle in principles},
        gold=queue.gold.conversations(),
    )


def run_sources(folder: RunFolder, spec: ExperimentSpec, arms: Sequence[str]) -> Iterator[tuple[str, Source]]:
    """The named arms of the run in `folder`, from its journal, one at a time."""
    cases, _ = load_cases(spec.dataset, spec.seed)
    with Journal.open(folder.journal, create=False) as journal, run_queue(folder, spec) as queue:
        for arm in prepare_arms(spec):
            if arm.name in arms:
                yield arm.name, arm_source(spec, arm, read_back(arm, cases, journal), queue)
