"""Changes to what a run is supervised by, put to people: a constitution, an evaluation procedure, or a critic."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from agents.spec import Spec
from constitutions.errors import InputError
from constitutions.files import read_text
from constitutions.strict import Text, problem
from constitutions.validation import load_model
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Item, Kind

ARM = "proposals"


class Effect(Spec):
    """What the change did to a metric where it was tried: before, after, and the interval of the difference."""

    metric: Text
    before: float
    after: float
    low: float
    high: float
    cases: int = Field(ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Effect:
        if not self.low <= self.after - self.before <= self.high:
            raise problem("the difference after - before must lie between `low` and `high`", "low")
        return self


class Proposal(Spec):
    """A change, as a YAML file describes it.

    Attributes:
        id: unique in the run; kind: what it changes.
        old, new: files with the text before and after, beside the YAML file; the person sees their difference.
        measured: what it did where it was tried, at least one metric; command: how that was measured.
    """

    id: Text
    kind: Literal["constitution", "procedure", "critic"]
    title: Text
    why: Text
    old: str
    new: str
    measured: tuple[Effect, ...] = Field(min_length=1)
    command: Text
    reviewers: int = Field(1, ge=1, le=16)


def propose(queue: AuditQueue, path: Path, by: str, now: float) -> bool:
    """Put the proposal of a file in the queue, to be accepted or rejected with a reason; False where it is there."""
    proposal = load_model(path, Proposal)
    old, new = (read_text(path.parent / name).splitlines() for name in (proposal.old, proposal.new))
    change = "\n".join(difflib.unified_diff(old, new, proposal.old, proposal.new, lineterm=""))
    if not change:
        raise InputError(f"{path}: {proposal.old} and {proposal.new} do not differ; expected a change")
    payload = {
        "title": proposal.title,
        "of": proposal.kind,
        "why": proposal.why,
        "by": by,
        "change": change,
        "measured": [effect.model_dump() for effect in proposal.measured],
        "command": proposal.command,
    }
    item = Item(
        arm=ARM,
        case_id=proposal.id,
        step=proposal.kind,
        input_hash=0,
        payload=payload,
        enqueued_at=now,
        kind=Kind.PROPOSAL,
        reviewers=proposal.reviewers,
    )
    return bool(queue.enqueue([item]))
