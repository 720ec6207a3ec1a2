"""What the audit commands do."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from agents.vocabulary import CaseOutcome
from constitutions.errors import InputError
from constitutions.files import read_text, write_atomically
from experiments.audit.accuracy import auditor_accuracy
from experiments.audit.critiques import critic_audits, sample_critiques
from experiments.audit.exchange import Shape, exported
from experiments.audit.imports import import_decisions
from experiments.audit.proposals import propose
from experiments.audit.run_queue import existing_queue, heads
from experiments.audit.view import accuracy_table, critics_table, item_panel, proposal_panel, queue_table
from experiments.cases import load_cases
from experiments.config import ExperimentSpec
from experiments.folder import RunFolder
from experiments.prepare import prepare_arms
from hierarchy.audit.decision import Decision, verdict_named
from hierarchy.audit.gold import GoldCase
from hierarchy.audit.records import Kind, State
from hierarchy.audit.verify import faults
from hierarchy.executor import read_back
from hierarchy.journal import Journal
from hierarchy.recall import NotRecorded
from hierarchy.records import escalated
from training.stale import mark_stale


@dataclass(frozen=True, slots=True)
class Which:
    """Which of the items of a case id is meant."""

    arm: str | None = None
    kind: Kind = Kind.CASE
    step: str | None = None


def list_command(run: Path, arm: str | None, kind: Kind, hidden: bool) -> None:
    """`oversight audit list`."""
    with existing_queue(run) as queue:
        states = (State.DISPUTED, State.OPEN)
        items = [item for state in states for item in queue.list_items(arm, state, hidden=hidden, kind=kind)]
    console = Console()
    if not items:
        console.print(f"no {kind.value} waits")
    elif kind is Kind.PROPOSAL:
        for item in items:
            console.print(proposal_panel(item))
    elif hidden:
        for item in items:
            console.print(item_panel(item, hidden=True))
    else:
        console.print(queue_table(items))


def decide_command(run: Path, case: str, verdict: str, auditor: str, which: Which, **given: Any) -> None:
    """`oversight audit decide`."""
    decision = Decision(verdict_named(verdict), auditor, **given)
    with existing_queue(run) as queue:
        new = queue.decide_case(case, decision, time.time(), which.arm, kind=which.kind, step=which.step)
    print(f"{case}: {verdict}{'' if new else ' (decided so before)'}; `oversight resume {run}` goes on with it")


def undo_command(run: Path, case: str, arm: str | None, auditor: str) -> None:
    """`oversight audit undo`."""
    with existing_queue(run) as queue:
        queue.undo(queue.key_of(case, arm), auditor, time.time())
    print(f"{case}: the decision of {auditor} is undone; the case waits again")


def reopen_command(run: Path, case: str, reason: str, by: str, arm: str | None) -> None:
    """`oversight audit reopen`."""
    with existing_queue(run) as queue:
        key = queue.reopen(case, reason, by, time.time(), arm)
    rows = mark_stale(RunFolder(run).datasets / key.arm, {case})
    print(f"{case}: waits again, epoch {key.epoch}; {rows} training rows of the old decision are marked stale")


def close_command(run: Path, arm: str | None) -> None:
    """`oversight audit close`."""
    with existing_queue(run) as queue:
        count = queue.close(time.time(), arm)
    print(f"{count} cases closed by policy; `oversight resume {run}` goes on with them")


def export_command(run: Path, shape: Shape, out: Path | None, arm: str | None, hidden: bool) -> None:
    """`oversight audit export`."""
    with existing_queue(run) as queue:
        records = list(exported(queue, shape, arm, hidden))
    if shape == "label-studio":
        text = json.dumps(records, indent=1) + "\n"
    else:
        text = "".join(json.dumps(record) + "\n" for record in records)
    if out is None:
        sys.stdout.write(text)
    else:
        write_atomically(out, text)
        print(f"{len(records)} cases in {out}")


def import_command(run: Path, path: Path, shape: Shape, names: Sequence[str]) -> None:
    """`oversight audit import`."""
    called = dict(_named(one) for one in names)
    with existing_queue(run) as queue:
        new, known = import_decisions(queue, path, time.time(), shape, called)
    print(f"{new} decisions imported, {known} were there; `oversight resume {run}` goes on with their cases")


def _named(text: str) -> tuple[str, str]:
    known, _, name = text.rpartition("=")
    if not known.strip() or not name.strip():
        raise InputError(f"--name is {text!r}; accepted: ID=NAME, an id of the other program and an auditor's name")
    return known.strip(), name.strip()


def verify_command(run: Path) -> None:
    """`oversight audit verify`."""
    folder = RunFolder(run)
    kept = heads(folder)
    with existing_queue(run) as queue:
        found = faults(queue.engine, queue.run, kept)
        head = queue.trail.head()
        if found:
            lines = "\n  ".join(found[:20] + ([f"and {len(found) - 20} more"] if len(found) > 20 else []))
            raise InputError(f"{run}: the audit trail does not hold\n  {lines}")
    print(
        f"{head.seq} events, each continues the one before; {len(kept)} exported heads are in place; head {head.hash}"
    )


def gold_command(run: Path, path: Path, share: float, arm: str | None) -> None:
    """`oversight audit gold`."""
    cases = list(_gold_cases(path))
    folder = RunFolder(run)
    spec = folder.spec()
    ids, spare = _ids(folder, spec)
    with existing_queue(run) as queue:
        new = queue.gold.add(cases, time.time(), arm, ids, spare)
        queue.gold.set_share(share, time.time())
    print(f"{new} gold cases added, {len(cases) - new} were there; they are {share:.0%} of what auditors claim")


def _ids(folder: RunFolder, spec: ExperimentSpec) -> tuple[list[str], list[str]]:
    """Every case id of the run, and those of cases that every arm has settled without a person."""
    cases, _ = load_cases(spec.dataset, spec.seed)
    ended_N = np.ones(len(cases.case_id_N), bool)
    try:
        with Journal.open(folder.journal, create=False) as journal:
            for arm in prepare_arms(spec):
                block = read_back(arm, cases, journal)
                ended_N &= (block.outcomes() != CaseOutcome.PENDING) & ~escalated(block)
    except NotRecorded:  # cases are under way
        ended_N[:] = False
    return [[str(case) for case in cases.case_id_N[of]] for of in (slice(None), ended_N)]  # type: ignore[return-value]


def _gold_cases(path: Path) -> Iterator[GoldCase]:
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            hidden = data.get("hidden")
            yield GoldCase(str(data["name"]), dict(data["payload"]), _flag(data["violates"]), data.get("label"), hidden)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}:{number}: no gold case ({error}); expected name, payload and violates (true or false), and "
                "where they apply label and hidden"
            ) from None


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"violates: {value!r}")
    return value


def auditors_command(run: Path) -> None:
    """`oversight audit auditors`."""
    with existing_queue(run) as queue:
        Console().print(accuracy_table(auditor_accuracy(queue)))


def propose_command(run: Path, path: Path, by: str) -> None:
    """`oversight audit propose`."""
    with existing_queue(run) as queue:
        new = propose(queue, path, by, time.time())
    print(f"{path}: {'waits for a decision' if new else 'is in the queue already'}")


def critiques_command(run: Path, share: float | None) -> None:
    """`oversight audit critiques`: with a share, sample; then tell how the critics did."""
    folder = RunFolder(run)
    spec = folder.spec()
    with existing_queue(run) as queue:
        if share is not None:
            cases, _ = load_cases(spec.dataset, spec.seed)
            with Journal.open(folder.journal, create=False) as journal:
                blocks = [(arm, read_back(arm, cases, journal)) for arm in prepare_arms(spec)]
            new = sum(sample_critiques(queue, arm, block, share, time.time()) for arm, block in blocks)
            print(f"{new} critiques wait for audit; `oversight audit list {run} --kind critique --hidden` shows them")
        Console().print(critics_table(critic_audits(queue)))
