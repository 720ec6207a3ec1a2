"""Which cases may train, and how much they count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from agents.records import Settlement
from agents.vocabulary import CaseOutcome
from training.datasets.source import Conversation, Source
from training.datasets.spec import TRAINED, DatasetSpec, WeightSpec


def left_out(
    case: Settlement,
    outcomes: Sequence[str] = TRAINED,
    gold: Collection[Conversation] = (),
    spec: DatasetSpec | None = None,
) -> str | None:
    """Why this case must not train, in a few words; None if it may.

    Never: a pending case, one with a verdict that could not be read, one that a policy closed because nobody reviewed
    it, one without any text, one that asks what a gold case asks. One whose decision is under appeal only where `spec`
    wants it marked. Otherwise its outcome must be one of `outcomes`, and its weight more than 0.
    """
    spec = spec or DatasetSpec()
    if case.outcome == CaseOutcome.PENDING.name.lower() or case.final is None:
        return "pending"
    if case.missing:
        return "missing verdict"
    if case.unreviewed:
        return "unreviewed"
    if case.appealed and spec.stale == "leave_out":
        return "under appeal"
    if gold and case.messages in gold:
        return "gold"
    if case.outcome not in outcomes:
        return case.outcome
    if not case.final.strip():
        return "empty answer"
    return None if weight_of(case, spec.weights) > 0 else "weight 0"


def weight_of(case: Settlement, spec: WeightSpec) -> float:
    """agreement^e × the factor of the auditor's decision (see `WeightSpec`)."""
    share = case.agreement if spec.agreement == 1 else case.agreement**spec.agreement
    if not case.decision:
        return float(share)
    return float(share * {"accept": spec.accept, "revise": spec.revise, "reject": spec.reject}.get(case.decision, 1.0))


def settled(source: Source, outcomes: Sequence[str], spec: DatasetSpec) -> tuple[list[Settlement], Counter[str]]:
    """The cases that may train, in the order of (arm, case id), and how many were left out for which reason."""
    reasons: Counter[str] = Counter()
    kept = []
    for case in source.settlements:
        reason = left_out(case, outcomes, source.gold, spec)
        if reason is None:
            kept.append(case)
        else:
            reasons[reason] += 1
    return sorted(kept, key=lambda case: (case.arm, case.case_id)), reasons
