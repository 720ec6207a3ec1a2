"""A case's path in words: what users could see, and what they could not."""

from __future__ import annotations

from agents.figures import Record


class Turn(Record):
    """One message or response of a transcript: who wrote it (a role or a step) and the text. Text is untrusted."""

    speaker: str
    text: str


class Transcript(Record):
    """One case under one arm. `visible`: what a user could see, in order; `hidden`: critiques, verdicts, risk flags."""

    arm: str
    case_id: str
    outcome: str
    why: str
    visible: tuple[Turn, ...]
    hidden: tuple[Turn, ...] = ()
