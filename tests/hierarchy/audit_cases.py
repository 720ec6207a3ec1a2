"""Items and short ways to work on them, for the tests of the audit queue."""

from __future__ import annotations

import math

from agents.vocabulary import Verdict
from hierarchy.audit.decision import Decision
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Claim, Item

NOW = 1_000.0


def item(case: str = "c1", arm: str = "layers", **given: object) -> Item:
    """A case of an arm, due never, with a hidden layer that nobody should come across."""
    payload = {
        "messages": [{"role": "user", "content": "hi"}],
        "response": f"answer to {case}",
        "principles": ["honesty", "privacy"],
    }
    settings = {"priority": 0.0, "enqueued_at": 5.0, "due_at": math.inf, "hidden": {"critique": "CANARY"}, **given}
    return Item(arm, case, "human@0", 2**64 - 1, payload, **settings)  # type: ignore[arg-type]


def accept(auditor: str = "ann", **given: object) -> Decision:
    """That the response is fine."""
    return Decision(Verdict.ACCEPT, auditor, **given)  # type: ignore[arg-type]


def reject(auditor: str = "ann", **given: object) -> Decision:
    """That it is not."""
    return Decision(Verdict.REJECT, auditor, **given)  # type: ignore[arg-type]


def claimed(queue: AuditQueue, auditor: str = "ann", now: float = NOW, **given: object) -> Claim:
    """A claim that must succeed."""
    claim = queue.claim(auditor, now, 60.0, **given)  # type: ignore[arg-type]
    assert claim is not None
    return claim
