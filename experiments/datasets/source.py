"""What dataset builders read of a run's arms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from constitutions.constitution import load_constitution
from experiments.audit.run_queue import run_queue
from experiments.cases import load_cases
from experiments.config import ExperimentSpec
from experiments.folder import RunFolder
from experiments.prepare import prepare_arms
from hierarchy.arm import Arm
from hierarchy.audit.queue import AuditQueue
from hierarchy.block import Block
from hierarchy.executor import blocks, read_back, recalled
from hierarchy.journal import Journal
from hierarchy.memory import Memory
from hierarchy.questions import questions
from hierarchy.reviews import reviews
from hierarchy.settlement import settlements
from training.datasets import Source

_READ, _PART = 8192, 1024  # cases of which the journal's rows are held, and of which a part of a dataset is made


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


def run_parts(folder: RunFolder, spec: ExperimentSpec, arms: Sequence[str]) -> Iterator[tuple[str, Source]]:
    """The named arms, one at a time, and of each some cases at a time in the order of their ids.

    A dataset's rows are in the order of (arm, case id), so what is built of the parts one after another is what is
    built of the whole. Only some thousand cases are held at a time; where the ids are in another order than the cases,
    the journal is read several times.
    """
    cases, _ = load_cases(spec.dataset, spec.seed)
    cases = cases.take(np.array(sorted(range(len(cases)), key=cases.case_id_N.tolist().__getitem__), np.int64))
    with Journal.open(folder.journal, create=False) as journal, run_queue(folder, spec) as queue:
        for arm in prepare_arms(spec):
            for rows in blocks(len(cases), _READ) if arm.name in arms else ():
                memory = Memory(journal.known(cases.case_id_N[rows].tolist()))
                for part in blocks(len(rows), _PART):
                    block = recalled(arm, cases.take(rows[part]), memory)
                    yield arm.name, arm_source(spec, arm, block, queue)
