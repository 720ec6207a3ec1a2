"""Ground truth for the simulated auditor, and recorded labels: the doors through which an auditor may look at them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agents.models.recorded import RecordedModel
from agents.records import Case
from agents.spec import RecordedSpec
from experiments.world.oracle import Oracle
from hierarchy.audit.auditors import AuditorSpec, RecordedAuditorSpec, Truth
from hierarchy.audit.records import Item


def truth_of(auditor: AuditorSpec, records: Sequence[Case]) -> Callable[[Item], Truth]:
    """What an auditor who never erred would see: a recorded label, the oracle's word, or a simulated case's bits."""
    if isinstance(auditor, RecordedAuditorSpec):
        return _recorded(auditor)
    by_id = {case.case_id: case for case in records}
    oracle = Oracle()

    def truth(item: Item) -> Truth:
        if item.case_id not in by_id:
            return Truth(violates=bool(item.payload.get("latent", 0)), reference_latent=0)
        case = by_id[item.case_id]
        violations = oracle.score(case, item.payload.get("response") or "").violations
        return Truth(violates=bool(violations), reference=oracle.reference(case))

    return truth


def _recorded(auditor: RecordedAuditorSpec) -> Callable[[Item], Truth]:
    spec = RecordedSpec(path=auditor.path, id=auditor.id, label=auditor.label, labels=auditor.labels)
    model = RecordedModel(spec)

    def truth(item: Item) -> Truth:
        return Truth(violates=False, label=model.label(item.case_id))

    return truth
