"""Training data from what the hierarchy settled: supervised rows and preference pairs, each with its lineage.

Both are in the conversational format that TRL and `datasets` read: `prompt`, `completion`, `chosen` and `rejected`
are lists of `{role, content}`. Only the visible layer is read: a Settlement carries no critique and no reasoning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agents.records import Message, Settlement
from agents.vocabulary import OUTCOME_NAMES, CaseOutcome
from constitutions.errors import InputError
from training.lineage import Lineage, trace

ASSISTANT = "assistant"
TRAINED_OUTCOMES = ("released", "revised", "redirected")
CORRECTED_OUTCOMES = ("revised", "redirected")


@dataclass(frozen=True, slots=True)
class SftRow:
    """One prompt and the answer to learn. The loss counts the completion only, times `weight`."""

    prompt: tuple[Message, ...]
    completion: tuple[Message, ...]
    weight: float
    lineage: Lineage

    def to_dict(self) -> dict[str, Any]:
        """The row as written to JSONL and Parquet."""
        return {
            "prompt": _conversation(self.prompt),
            "completion": _conversation(self.completion),
            "weight": self.weight,
            "lineage": self.lineage.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class PreferenceRow:
    """Two answers to one prompt, the better one first.

    Attributes:
        margin: how clearly `chosen` is better, from -1 to 1: 2p - 1, with p the last judge's probability for the
            response it chose, or the agreement of the last consensus where no judge compared them.
        weight: how much the pair counts (the agreement).
        soft_label: probability that `chosen` really is the better one; 1 is the ordinary hard label.
    """

    prompt: tuple[Message, ...]
    chosen: tuple[Message, ...]
    rejected: tuple[Message, ...]
    margin: float
    weight: float
    lineage: Lineage
    soft_label: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """The row as written to JSONL and Parquet."""
        return {
            "prompt": _conversation(self.prompt),
            "chosen": _conversation(self.chosen),
            "rejected": _conversation(self.rejected),
            "margin": self.margin,
            "weight": self.weight,
            "soft_label": self.soft_label,
            "lineage": self.lineage.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class UnpairedRow:
    """One answer to one prompt and whether it is a good one, as KTO learns from. The loss counts it times `weight`."""

    prompt: tuple[Message, ...]
    completion: tuple[Message, ...]
    label: bool
    weight: float
    lineage: Lineage

    def to_dict(self) -> dict[str, Any]:
        """The row as written to JSONL and Parquet."""
        return {
            "prompt": _conversation(self.prompt),
            "completion": _conversation(self.completion),
            "label": self.label,
            "weight": self.weight,
            "lineage": self.lineage.to_dict(),
        }


Row = SftRow | PreferenceRow | UnpairedRow


def _conversation(messages: Iterable[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _answer(text: str) -> tuple[Message, ...]:
    return (Message(ASSISTANT, text),)


def left_out(settlement: Settlement, outcomes: Sequence[str] = TRAINED_OUTCOMES) -> str | None:
    """Why this case must not train, in a few words; None if it may.

    Never: a pending case, one with a verdict that could not be read, one that a policy closed because nobody reviewed
    it, one whose decision is under appeal, one without any text. Otherwise its outcome must be one of `outcomes`.
    """
    if settlement.outcome == CaseOutcome.PENDING.name.lower() or settlement.final is None:
        return "pending"
    if settlement.missing:
        return "missing verdict"
    if settlement.unreviewed:
        return "unreviewed"
    if settlement.appealed:
        return "under appeal"
    if settlement.outcome not in outcomes:
        return settlement.outcome
    return None if settlement.final.strip() else "empty answer"


def _settled(settlements: Iterable[Settlement], outcomes: Sequence[str]) -> tuple[list[Settlement], Counter[str]]:
    """The cases that may train, in the order of (arm, case id), and how many were left out for which reason."""
    unknown = sorted(set(outcomes) - (OUTCOME_NAMES.keys() - {"pending"}))
    if unknown:
        raise InputError(f"outcomes to train on: {unknown[0]!r} is none of released, revised, redirected, refused")
    reasons: Counter[str] = Counter()
    kept = []
    for settlement in settlements:
        reason = left_out(settlement, outcomes)
        if reason is None:
            kept.append(settlement)
        else:
            reasons[reason] += 1
    return sorted(kept, key=lambda settlement: (settlement.arm, settlement.case_id)), reasons


def _require(rows: list[Any], kind: str, cases: int, reasons: Counter[str]) -> None:
    if rows:
        return
    found = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items())) or "none left out"
    raise InputError(f"{kind} dataset is empty: of {cases} cases none can train ({found}); expected at least one")


def sft_rows(settlements: Sequence[Settlement], run: str, outcomes: Sequence[str] = TRAINED_OUTCOMES) -> list[SftRow]:
    """One row per settled case: its prompt and the text the user got, weighted by the agreement.

    `outcomes` may add `refused`, whose text is the graph's refusal. Order: (arm, case id).
    Raises InputError when no case may train, saying why they were left out.
    """
    kept, reasons = _settled(settlements, outcomes)
    rows = [
        SftRow(case.messages, _answer(case.final), case.agreement, trace(case, run, case.agreement))
        for case in kept
        if case.final is not None
    ]
    _require(rows, "supervised", len(settlements), reasons)
    return rows


def preference_rows(
    settlements: Sequence[Settlement], run: str, outcomes: Sequence[str] = CORRECTED_OUTCOMES
) -> list[PreferenceRow]:
    """One pair per corrected case: the text the user got against the first response on the case's path.

    For a revised case the text the user got is the last response; a redirected one may end in the graph's own words,
    and then those are chosen, never a response that the overseers turned down. Cases whose two texts are equal give
    no pair. Order: (arm, case id). Raises InputError when no pair is left.
    """
    kept, reasons = _settled(settlements, outcomes)
    rows = []
    for case in kept:
        pair = _pair(case, run)
        if pair is None:
            reasons["unchanged"] += 1
        else:
            rows.append(pair)
    _require(rows, "preference", len(settlements), reasons)
    return rows


def _pair(case: Settlement, run: str) -> PreferenceRow | None:
    if case.final is None or not case.responses:
        return None
    first = case.responses[0].text
    if not first.strip() or first == case.final:
        return None
    better = case.agreement if case.preference is None else case.preference
    return PreferenceRow(
        prompt=case.messages,
        chosen=_answer(case.final),
        rejected=_answer(first),
        margin=2 * better - 1,
        weight=case.agreement,
        lineage=trace(case, run, case.agreement),
    )
