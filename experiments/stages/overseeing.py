"""The first stage of a run: every arm's cases through its graph, the audit queue worked, records written."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agents.records import Case
from agents.view import Cases
from constitutions.errors import InputError
from experiments.config import ExecutionSpec, ExperimentSpec
from experiments.folder import RunFolder
from experiments.prepare import resolve_auditor
from experiments.sampling.drawing import sample_arm
from experiments.terminal.progress import Progress
from experiments.truth import truth_of
from hierarchy.arm import Arm
from hierarchy.audit.auditors import HumanSpec, work
from hierarchy.audit.queue import AuditQueue
from hierarchy.block import Block
from hierarchy.executor import Executor, LocalRoles, LocalShards, Writer, read_back
from hierarchy.journal import Journal
from hierarchy.parking import apply_decisions, park, rows_of
from hierarchy.records import case_table, digest, tables, write_parquet


@dataclass
class Overseer:
    """Carries arms through their graphs: executor, journal, queue, and who answers the queue."""

    spec: ExperimentSpec
    folder: RunFolder
    journal: Journal
    queue: AuditQueue
    executor: Executor
    progress: Progress

    def oversee(self, arm: Arm, cases: Cases, records: Sequence[Case], title: str) -> Block:
        """Every case as far as it goes: until all have ended, or those left wait for a person."""
        todo = cases
        while True:
            with self.progress.stage(title, len(todo)) as ended:
                self.executor.run(arm, todo, Writer(self.journal, ended))
            block = read_back(arm, cases, self.journal)
            auditor = resolve_auditor(self.spec, arm.name) if arm.name in self.spec.arms else HumanSpec()
            park(arm, block, self.queue, time.time(), timed=isinstance(auditor, HumanSpec))
            self.queue.expire(time.time())
            work(self.queue, auditor, arm.name, self.spec.seed, time.time(), truth_of(auditor, records))
            decided = apply_decisions(arm, block, self.queue, self.journal)
            if not decided:
                self._sample(arm, block, records)
                return block
            todo = cases.take(rows_of(block, decided))
            title = f"{arm.name}: after the audit"

    def _sample(self, arm: Arm, block: Block, records: Sequence[Case]) -> None:
        """Audit a sample of what the arm released, where the config asks for it."""
        if self.spec.audit_sample is not None and arm.name in self.spec.arms:
            sample_arm(self.spec, self.spec.audit_sample, arm.name, block, self.queue, records)


@contextmanager
def executor_for(execution: ExecutionSpec, folder: Path | None = None) -> Iterator[Executor]:
    """The executor that the config names, with Ray started for as long as it is needed."""
    if execution.executor == "local":
        local: Executor = LocalShards(execution.block)
        yield local if execution.schedule == "shards" else LocalRoles(execution.batch)
        return
    # Ray takes a second to import; a local run does not need it.
    from hierarchy.ray_executor import RayRoles, RayShards, cluster

    with cluster(execution.address, execution.cpus, folder):
        yield (
            RayShards(execution.workers, execution.block)
            if execution.schedule == "shards"
            else RayRoles(execution.batch)
        )


def write_records(folder: RunFolder, blocks: Sequence[tuple[str, Block]]) -> str:
    """Project the arms' blocks to Parquet and return the digest of all logical rows."""
    import pyarrow as pa

    pairs = [tables(arm, block) for arm, block in blocks]
    visible, hidden = (pa.concat_tables([pair[i] for pair in pairs]) for i in (0, 1))
    cases = pa.concat_tables([case_table(arm, block) for arm, block in blocks])
    for name, table in (("visible", visible), ("hidden", hidden), ("cases", cases)):
        write_parquet(table, folder.records / f"{name}.parquet")
    return digest(visible, hidden, cases)


def refuse_empty(cases: Cases) -> None:
    """Raise InputError for an empty dataset."""
    if not len(cases):
        raise InputError("dataset: there are no cases; at least one is needed")
