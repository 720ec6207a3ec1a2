"""Where a run's audit queue is, and the heads of its trail, which the run directory keeps."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from constitutions.errors import InputError
from constitutions.files import read_text, write_atomically
from experiments.config import ExperimentSpec
from experiments.folder import RunFolder
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.trail import Head


@contextmanager
def run_queue(folder: RunFolder, spec: ExperimentSpec) -> Iterator[AuditQueue]:
    """The run's queue, made where it is not there yet. When the block ends the head of the trail is exported."""
    database = spec.execution.database
    target = folder.audit if database is None else database
    name = spec.name if database is None else _name(folder, spec)
    with AuditQueue.open(target, name, seed=spec.seed) as queue:
        yield queue
        export_head(folder, queue.trail.head())


@contextmanager
def existing_queue(run: Path, database: str | None = None) -> Iterator[AuditQueue]:
    """The queue of the run in this directory. Raises InputError where the run has none yet.

    `database`: another way to the database that the run shares, where its config's does not lead there from here.
    """
    folder = RunFolder(run)
    spec = folder.spec()
    if database is not None:
        if spec.execution.database is None:
            raise InputError(f"--database is {database!r}; {run} keeps its queue in {folder.audit}, so give none")
        spec = spec.model_copy(update={"execution": spec.execution.model_copy(update={"database": database})})
    if not has_queue(folder, spec):
        raise InputError(f"{run}: has no audit queue yet; `oversight resume {run}` first")
    with run_queue(folder, spec) as queue:
        yield queue


def has_queue(folder: RunFolder, spec: ExperimentSpec) -> bool:
    """Whether the run has a queue yet."""
    return (folder.audit if spec.execution.database is None else folder.audit_run).is_file()


def _name(folder: RunFolder, spec: ExperimentSpec) -> str:
    """What the run is called in a database that it shares: its name, and what tells it from others of that name."""
    if not folder.audit_run.is_file():
        write_atomically(folder.audit_run, f"{spec.name} {secrets.token_hex(6)}")
    return read_text(folder.audit_run)


def export_head(folder: RunFolder, head: Head) -> None:
    """Append the end of the trail to the run's heads, unless it is the last one there."""
    if head.seq and heads(folder)[-1:] != [head]:
        with folder.audit_heads.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"seq": head.seq, "hash": head.hash}) + "\n")
            file.flush()
            os.fsync(file.fileno())


def heads(folder: RunFolder) -> list[Head]:
    """Every head of the trail that the run has exported, oldest first. Raises InputError for a line that is none."""
    if not folder.audit_heads.is_file():
        return []
    found = []
    for number, line in enumerate(read_text(folder.audit_heads).splitlines(), start=1):
        try:
            data = json.loads(line)
            found.append(Head(int(data["seq"]), str(data["hash"])))
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{folder.audit_heads}:{number}: no head of a trail; expected seq and hash") from None
    return found
