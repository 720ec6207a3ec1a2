"""What comes in: forms, of which every field is known, and the decision that one makes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import Form
from pydantic import BaseModel, ConfigDict, Field

from agents.vocabulary import Verdict
from experiments.audit.critiques import RIGHT
from hierarchy.audit.decision import Decision, verdict_named
from hierarchy.audit.errors import Unreadable
from hierarchy.audit.records import Claim, Kind, State
from hierarchy.audit.safe_text import revealed

_MOST_MINUTES = 24 * 60.0


class Lane(StrEnum):
    """What a person works on: each lane has its own order and its own claims."""

    CASES = "cases"
    DISPUTES = "disputes"
    PROPOSALS = "proposals"
    CRITIQUES = "critiques"

    @property
    def kind(self) -> Kind:
        """What is decided in it."""
        return {Lane.PROPOSALS: Kind.PROPOSAL, Lane.CRITIQUES: Kind.CRITIQUE}.get(self, Kind.CASE)


def lane_of(claim: Claim) -> Lane:
    """The lane that a claimed item is in."""
    if claim.item.kind is Kind.CASE:
        return Lane.DISPUTES if claim.item.state is State.DISPUTED else Lane.CASES
    return Lane.PROPOSALS if claim.item.kind is Kind.PROPOSAL else Lane.CRITIQUES


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Login(_Fields):
    token: str = Field(max_length=200)


class _Session(_Fields):
    csrf: str = Field(max_length=200)


class _Held(_Session):
    """`claim`: the token of a lease; `current`: that of the case on the screen, where it is another one."""

    claim: str = Field(max_length=64)
    current: str = Field("", max_length=64)


class _Written(_Session):
    claim: str = Field(max_length=64)
    verdict: str = Field("", max_length=20)
    text: str = ""
    comment: str = ""
    label: str = ""
    principles: list[str] = Field(default_factory=list)
    minutes: float = Field(0.0, ge=0, le=_MOST_MINUTES)


class _Appeal(_Session):
    case_id: str = Field(min_length=1)
    arm: str = ""
    reason: str = ""


LoginForm = Annotated[_Login, Form()]
SessionForm = Annotated[_Session, Form()]
HeldForm = Annotated[_Held, Form()]
WrittenForm = Annotated[_Written, Form()]
AppealForm = Annotated[_Appeal, Form()]


def written(form: _Written) -> dict[str, Any]:
    """What the person has written so far, as a draft keeps it: codes of unseen characters are these characters again,
    and a browser's CR LF is a line feed."""
    said = {name: revealed(_lines(getattr(form, name))) for name in ("text", "comment")}
    return {**said, "label": form.label, "verdict": form.verdict, "principles": form.principles}


def decision_of(form: _Written, claim: Claim, auditor: str) -> Decision:
    """The decision that the form makes of the claimed item. Raises Unreadable where it makes none."""
    said = written(form)
    verdict = _verdict(claim, form)
    revises = verdict is Verdict.REVISE
    text = said["text"] if revises else None
    if revises and text == claim.item.payload.get("response"):
        raise Unreadable("the revision is the response as it was; change it, or accept or reject the case")
    return Decision(
        verdict,
        auditor,
        text=text,
        label=form.label or None,
        comment=said["comment"].strip() or None,
        minutes=form.minutes,
        principles=tuple(form.principles),
    )


def _verdict(claim: Claim, form: _Written) -> Verdict:
    """The verdict of a case or proposal is given; that of a critique follows from its label."""
    if claim.item.kind is not Kind.CRITIQUE:
        return verdict_named(form.verdict)
    if not form.label:
        labels = ", ".join(claim.item.payload.get("labels", ()))
        raise Unreadable(f"label: none; expected one of {labels}")
    return Verdict.ACCEPT if form.label == RIGHT else Verdict.REJECT


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
