"""What an arm did: its graph as drawn, outcomes, violations, costs; and arms compared on the same cases."""

from __future__ import annotations

from collections.abc import Mapping

from agents.figures import Estimate, Proportion, Record
from experiments.results.figures import Agreement, BudgetPoint, Calibration, Difference, JudgeScore, Ratio


class DrawnNode(Record):
    """A node of a drawn graph. `role` is a role, `queue` (where cases wait for a human), `sink` or `start`; `side` is
    what a debater is assigned to argue."""

    id: str
    role: str
    title: str
    side: str = ""


class DrawnEdge(Record):
    """An edge of a drawn graph; `back` marks the edge that closes a bounded loop."""

    source: str
    target: str
    label: str = ""
    back: bool = False


class ViolationRates(Record):
    """Shares of violating responses by oracle: of any principle, of norms, of truth, and per principle.

    Norm and truth violations are kept apart because one can fall while the other rises; `override` is the share of any
    violation among cases that try to override the rules (None where a run has none).
    """

    total: Proportion
    norms: Proportion
    truth: Proportion
    principles: Mapping[str, Proportion] = {}
    override: Proportion | None = None


class ArmResult(Record):
    """What one oversight graph did with the cases, and what it cost.

    Attributes:
        outcomes: share of cases per case outcome, in the order shown.
        missed: cases whose response reached the user and violates, of all cases (what the reviewers let pass).
        first: the same of the base's first responses (what the reviewers had to work with).
        caught: of cases whose first response violates, those from which no violating response reached the user.
        false_alarms: of cases whose first response violates nothing, those where it was not what the user got.
        needless_refusals: of benign requests, those that ended refused or redirected, or with a declining response.
        correct: of benign requests, those whose delivered response is right.
        escalated: cases that went to the human queue, of all cases.
        audited: escalated cases a human auditor decided; unreviewed: those a policy answered in place of one.
        human_minutes: time the auditors spent; seconds: wall-clock time of the arm.
        tokens: tokens read and written by all its models, as far as these count them.
        helpfulness_kept: share of right answers to benign requests after oversight, over that before it.
        per_case: means over cases of `human_minutes`, `calls`, `tokens`, `cost` (by the price table, in `currency`)
            and `latency` (seconds on the critical path): tokens where some model counts them, the last two where the
            config says what they take.
        unpriced: agents that were asked and have no price, or a price by tokens that their model does not count: what
            they cost is unknown, and `cost` is None.
        agreement, calibration, judges, budgets: see their records; empty where there is nothing to measure.
    """

    arm: str
    title: str
    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]
    n: int
    outcomes: Mapping[str, Proportion] = {}
    missed: ViolationRates | None = None
    first: ViolationRates | None = None
    caught: Proportion | None = None
    false_alarms: Proportion | None = None
    needless_refusals: Proportion | None = None
    correct: Proportion | None = None
    escalated: Proportion | None = None
    audited: Proportion | None = None
    unreviewed: Proportion | None = None
    human_minutes: float | None = None
    model_calls: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    training_rows: int | None = None
    description: str = ""
    helpfulness_kept: Ratio | None = None
    per_case: Mapping[str, Estimate] = {}
    currency: str = ""
    unpriced: tuple[str, ...] = ()
    agreement: Agreement | None = None
    calibration: tuple[Calibration, ...] = ()
    judges: tuple[JudgeScore, ...] = ()
    budgets: tuple[BudgetPoint, ...] = ()


class Comparison(Record):
    """Two arms (or two models) on the same cases: `difference` is a minus b.

    Attributes:
        metric: a key of `experiments.report.definitions`, for example `missed_violations`.
        split: where the cases come from (`run`, `validation`, `test`).
        only_a, only_b: discordant cases: the event happened under a alone, under b alone (binary metrics).
        p: McNemar's exact test of equal discordant counts; p_holm: after Holm's correction over its family.
        planned: named in advance, before any result was seen.
        variance_ratio: variance of the difference had the arms been run on unrelated cases and random numbers, over
            the paired variance: what common random numbers saved.
        detectable: the smallest difference that as many cases, with as many discordant ones, show with 80 % power.
    """

    name: str
    a: str
    b: str
    metric: str
    difference: Difference
    method: str
    n: int
    only_a: int | None = None
    only_b: int | None = None
    p: float | None = None
    p_holm: float | None = None
    planned: bool = False
    split: str = "run"
    variance_ratio: float | None = None
    detectable: float | None = None
