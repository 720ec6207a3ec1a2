"""Audits of training sets as a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agents.figures import Record
from training.checks.gate import gates
from training.checks.spec import GateSpec
from training.checks.summary import SetAudit
from training.whole import write_whole

AUDIT = "audit.json"


class Audits(Record):
    """The audits of the sets that a training learns from."""

    sets: tuple[SetAudit, ...]


def judged(audit: SetAudit, gate: GateSpec) -> SetAudit:
    """The audit with every limit of the gate on it."""
    return audit.model_copy(update={"gates": gates(audit, gate)})


def write_audits(path: Path, audits: Sequence[SetAudit]) -> None:
    """Write the audits to `path`, whole."""
    text = Audits(sets=tuple(audits)).model_dump_json(indent=1) + "\n"
    write_whole(path, lambda temporary: temporary.write_bytes(text.encode("utf-8")))
