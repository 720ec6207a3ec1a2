"""What models did alone: bases before and after fine-tuning, the stages of it, the crew, the critic ladder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from agents.figures import Estimate, Proportion, Record
from experiments.results.arms import ViolationRates
from experiments.results.figures import Difference, Ratio

BEFORE = "before"


class EvaluationResult(Record):
    """A base model alone (no oversight) on held-out prompts, scored by the oracle.

    Attributes:
        model: `before`, or the arm whose data the base was tuned on.
        violations: of all prompts; its `override` of prompts that try to override the rules.
        needless_refusals, correct: of benign prompts.
        chosen: this arm's model was chosen on the validation split (before the test split was looked at).
        ratios: after over before on the same prompts, keyed by metric (`total`, `norms`, `truth`, `override`).
        changes: after minus before on the same prompts (`needless_refusals`, `correct`, and any of the above).
    """

    model: str
    split: Literal["validation", "test"]
    n: int
    violations: ViolationRates
    needless_refusals: Proportion
    correct: Proportion
    chosen: bool = False
    ratios: Mapping[str, Ratio] = {}
    changes: Mapping[str, Difference] = {}


class LossPoint(Record):
    """The training loss logged at an optimiser step."""

    step: int
    loss: float


class TrainingResult(Record):
    """One fine-tuning stage of one arm: `stage` is `sft` or `preferences`; `rows` are training examples."""

    arm: str
    stage: str
    rows: int
    steps: int
    seconds: float
    curve: tuple[LossPoint, ...] = ()


class CrewMember(Record):
    """An agent, the roles it played, the actor's process id (None: in the driver) and its model in words."""

    agent: str
    roles: tuple[str, ...]
    pid: int | None
    model: str
    restarts: int = 0


class CriticLadder(Record):
    """Critics measured alone on a balanced set, where guessing scores one half.

    `correlation[i][j]` is phi between the error vectors of critics i and j (None where one of them never errs or
    always does). `families[i]` names which critics are relatives.
    """

    names: tuple[str, ...]
    accuracy: tuple[Proportion, ...]
    correlation: tuple[tuple[Estimate, ...], ...]
    families: tuple[str, ...] = ()
