"""Where a training row came from: every row says which case, steps, principles, verdicts and weight made it."""

from __future__ import annotations

from typing import Any, NamedTuple

from agents.records import Settlement

VISIBLE, HIDDEN = "visible", "hidden"


class Lineage(NamedTuple):
    """The origin of one row, enough to find the case again with `oversight show RUN CASE`.

    Attributes:
        run: name of the run; arm, case_id: the case in it.
        steps: step instances that ran on the case, in order.
        principles: ids of the principles a reviewer on the path flagged.
        verdicts: (step instance, verdict name) of every step that gave one.
        outcome: how the case ended.
        agreement: share of the last consensus that was in the majority (0 to 1).
        audited: whether a human auditor decided.
        weight: how much the row counts in a loss.
        epoch: of the audit decision the row came from; 0, and one more for every appeal that was decided.
        stale: whether an appeal against that decision was opened since; such a row must not train.
        decision: the verdict of the auditor who decided; empty where none did.
        step: the step instance whose words the row teaches; empty where they are the case's final answer.
        layer: `visible`, or `hidden` for datasets made of critiques, verdicts and rationales.
    """

    run: str
    arm: str
    case_id: str
    steps: tuple[str, ...]
    principles: tuple[str, ...]
    verdicts: tuple[tuple[str, str], ...]
    outcome: str
    agreement: float
    audited: bool
    weight: float
    layer: str = VISIBLE
    epoch: int = 0
    stale: bool = False
    decision: str = ""
    step: str = ""

    @property
    def where(self) -> str:
        """The case in a few words, for messages."""
        return f"{self.arm} / {self.case_id}"

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, as written to JSONL and Parquet; a verdict is `{step, verdict}`."""
        return {
            "run": self.run,
            "arm": self.arm,
            "case_id": self.case_id,
            "steps": list(self.steps),
            "principles": list(self.principles),
            "verdicts": [{"step": step, "verdict": verdict} for step, verdict in self.verdicts],
            "outcome": self.outcome,
            "agreement": self.agreement,
            "audited": self.audited,
            "weight": self.weight,
            "layer": self.layer,
            "epoch": self.epoch,
            "stale": self.stale,
            "decision": self.decision,
            "step": self.step,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Lineage:
        """The inverse of `to_dict`. Raises KeyError or TypeError where a part is absent or of another kind."""
        return cls(
            run=data["run"],
            arm=data["arm"],
            case_id=data["case_id"],
            steps=tuple(data["steps"]),
            principles=tuple(data["principles"]),
            verdicts=tuple((item["step"], item["verdict"]) for item in data["verdicts"]),
            outcome=data["outcome"],
            agreement=float(data["agreement"]),
            audited=bool(data["audited"]),
            weight=float(data["weight"]),
            layer=data["layer"],
            epoch=int(data["epoch"]),
            stale=bool(data["stale"]),
            decision=data["decision"],
            step=data["step"],
        )


def trace(settlement: Settlement, run: str, weight: float, layer: str = VISIBLE, step: str = "") -> Lineage:
    """The lineage of a row made from one settled case of run `run`."""
    return Lineage(
        run=run,
        arm=settlement.arm,
        case_id=settlement.case_id,
        steps=settlement.steps,
        principles=settlement.principles,
        verdicts=settlement.verdicts,
        outcome=settlement.outcome,
        agreement=settlement.agreement,
        audited=settlement.audited,
        weight=weight,
        layer=layer,
        epoch=settlement.epoch,
        stale=settlement.appealed,
        decision=settlement.decision,
        step=step,
    )
