"""What `oversight audit work` does."""

from __future__ import annotations

import sys
from pathlib import Path

from constitutions.constitution import load_constitution
from constitutions.errors import InputError
from experiments.audit.run_queue import existing_queue
from experiments.audit.sitting import Sitting
from experiments.audit.terminal.app import WorkApp
from experiments.folder import RunFolder
from hierarchy.audit.settle import check_auditor
from hierarchy.database import DatabaseTrouble


def work_command(
    run: Path, auditor: str, database: str | None, arm: str | None, lease: float, adjudicate: bool, findings: bool
) -> None:
    """Work through a run's queue in this terminal. Raises InputError."""
    check_auditor(auditor)
    if not lease > 0:
        raise InputError(f"--lease is {lease:g}; accepted: more than 0 minutes")
    spec = RunFolder(run).spec()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError("`oversight audit work` needs a terminal; `oversight audit decide` does without")
    statements = {one.id: one.statement for one in load_constitution(spec.constitution).principles}
    with existing_queue(run, database) as queue:
        sitting = Sitting(queue, auditor, lease * 60, arm, adjudicate, findings)
        try:
            WorkApp(sitting, statements, spec.name).run()
        finally:
            _give_back(sitting)
    print(f"{len(sitting.decided)} decided; `oversight resume {run}` goes on with them")


def _give_back(sitting: Sitting) -> None:
    """Whatever ended the sitting, nothing that was written is lost with it, and others may take the case."""
    try:
        sitting.end()
    except DatabaseTrouble as error:
        print(error, file=sys.stderr)
