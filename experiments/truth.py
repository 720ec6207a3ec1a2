"""Ground truth for the simulated auditor and for scoring: the only doors through which a run may look at it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agents.records import Case
from experiments.world.oracle import Oracle
from hierarchy.audit.auditors import Truth
from hierarchy.audit.records import Item


def truth_of(records: Sequence[Case]) -> Callable[[Item], Truth]:
    """What a simulated auditor would see if it never erred: by the oracle, or by the latent bits of simulated cases."""
    by_id = {case.case_id: case for case in records}
    oracle = Oracle()

    def truth(item: Item) -> Truth:
        response = item.payload.get("response")
        if item.case_id not in by_id:
            return Truth(violates=bool(item.payload.get("latent", 0)), reference=None)
        case = by_id[item.case_id]
        violations = oracle.score(case, response or "").violations
        return Truth(violates=bool(violations), reference=oracle.reference(case))

    return truth
