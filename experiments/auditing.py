"""What the audit commands do: list, decide, close."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from constitutions.errors import InputError
from experiments.audit_view import item_panel, queue_table
from experiments.folder import RunFolder
from experiments.prepare import prepare_arm
from hierarchy.audit.decision import Decision, verdict_named
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import State


@contextmanager
def _queue(run: Path) -> Iterator[AuditQueue]:
    folder = RunFolder(run)
    spec = folder.spec()
    if not folder.audit.is_file():
        raise InputError(f"{run}: has no audit queue yet; `oversight resume {run}` first")
    with AuditQueue.open(folder.audit, spec.name, seed=spec.seed, create=False) as queue:
        yield queue


def list_command(run: Path, arm: str | None, hidden: bool) -> None:
    """`oversight audit list`."""
    with _queue(run) as queue:
        items = queue.list_items(arm, State.OPEN, hidden=hidden)
    console = Console()
    if not items:
        console.print("no case waits")
    elif hidden:
        for item in items:
            console.print(item_panel(item, hidden=True))
    else:
        console.print(queue_table(items))


def decide_command(
    run: Path,
    case: str,
    verdict: str,
    text: str | None,
    label: str | None,
    comment: str | None,
    arm: str | None,
    auditor: str,
    minutes: float,
) -> None:
    """`oversight audit decide`."""
    decision = Decision(verdict_named(verdict), auditor, text, None, label, comment, minutes)
    _check_label(run, arm, label)
    with _queue(run) as queue:
        new = queue.decide_case(case, decision, time.time(), arm)
    print(f"{case}: {verdict}{'' if new else ' (decided so before)'}; `oversight resume {run}` goes on with it")


def _check_label(run: Path, arm: str | None, label: str | None) -> None:
    if label is None:
        return
    spec = RunFolder(run).spec()
    accepted = {name for a in spec.arms if arm in (None, a) for name in prepare_arm(spec, a).plan.graph.labels}
    if label not in accepted:
        raise InputError(
            f"--label {label!r}; accepted: {', '.join(sorted(accepted)) or 'none, this graph does not label'}"
        )


def close_command(run: Path, arm: str | None) -> None:
    """`oversight audit close`."""
    with _queue(run) as queue:
        count = queue.close(time.time(), arm)
    print(f"{count} cases closed by policy; `oversight resume {run}` goes on with them")
