"""What a run found: everything a report shows, frozen, written as `results.json` in the run directory.

Records come first and have no behaviour but reading and writing; `experiments.statistics` makes the intervals,
`experiments.report` and `experiments.tables` show them. A rate never stands without its interval, and what is not
known is None, never 0.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from constitutions.errors import InputError
from constitutions.files import read_text
from experiments.figures import Agreement as Agreement
from experiments.figures import BudgetPoint as BudgetPoint
from experiments.figures import Calibration as Calibration
from experiments.figures import Credit as Credit
from experiments.figures import CreditResult as CreditResult
from experiments.figures import Difference as Difference
from experiments.figures import Estimate as Estimate
from experiments.figures import Front as Front
from experiments.figures import GapRecovered as GapRecovered
from experiments.figures import JudgeScore as JudgeScore
from experiments.figures import Proportion as Proportion
from experiments.figures import Ratio as Ratio
from experiments.figures import Record as Record
from experiments.figures import ResidualResult as ResidualResult
from training.checks.summary import SetAudit

RESULTS_FILE = "results.json"
BEFORE = "before"


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


class RaterAgreement(Record):
    """A rater against the reference rater on one model's answers.

    `confusion[i][j]` counts answers that the reference gave `labels[i]` and the rater `labels[j]`; only answers that
    both labelled are in it. What the rater (`missing`) or the reference (`reference_missing`) did not label is counted
    apart, an answer that neither labelled in both. `accuracy` is over answers that both labelled.
    """

    model: str
    rater: str
    reference: str
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    missing: int
    reference_missing: int
    accuracy: Proportion
    kappa: Estimate


class LabelRates(Record):
    """Shares of labels among one model's answers to one kind of prompt.

    `source` is `settled` (after oversight) or the name of a rater alone; `prompts` for example `safe` or `unsafe`.
    `unsettled` counts answers without a label (missing or pending): they are in n and in no label's count.
    """

    model: str
    source: str
    prompts: str
    rates: Mapping[str, Proportion]
    unsettled: int = 0


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


class RunResults(Record):
    """Everything a run's report shows.

    Attributes:
        question: the question of the experiment in one sentence.
        command: what to type to do it again; `config_yaml`: the resolved config.
        comparisons: those the config declares; `p_holm` is over all of them that have a p value.
        gaps: performance gaps recovered that the config asks for; front: the arms no other arm beats in everything.
        residuals: the violations among released cases, of every arm whose released cases were sampled for audit.
        credit: what overseers contribute, where `oversight credit` was asked for it.
        training_data: what was found about every set before training.
        digest: of the logical rows of the run's records; what was computed from other records is dropped.
        versions: package name to version; `started`: ISO 8601 with zone; `seconds`: wall-clock time of the run.
    """

    name: str
    question: str
    seed: int
    command: str
    config_yaml: str
    versions: Mapping[str, str]
    started: str
    seconds: float
    arms: tuple[ArmResult, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    gaps: tuple[GapRecovered, ...] = ()
    front: Front | None = None
    residuals: tuple[ResidualResult, ...] = ()
    credit: tuple[CreditResult, ...] = ()
    digest: str = ""
    evaluations: tuple[EvaluationResult, ...] = ()
    training: tuple[TrainingResult, ...] = ()
    training_data: tuple[SetAudit, ...] = ()
    crew: tuple[CrewMember, ...] = ()
    ladder: CriticLadder | None = None
    raters: tuple[RaterAgreement, ...] = ()
    label_rates: tuple[LabelRates, ...] = ()
    transcripts: tuple[Transcript, ...] = ()
    notes: tuple[str, ...] = ()


def write_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text to `path` so that a reader sees the old file or the whole new one, never a part."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_results(results: RunResults, run_directory: Path) -> Path:
    """Write `results.json` into the run directory (atomically) and return its path. Floats survive exactly."""
    path = run_directory / RESULTS_FILE
    write_atomically(path, results.model_dump_json(indent=1) + "\n")
    return path


def read_results(run_directory: Path) -> RunResults:
    """The results of a run directory. Raises InputError where there are none or they are not of this version."""
    path = run_directory / RESULTS_FILE
    if not path.is_file():
        raise InputError(f"{run_directory}: no {RESULTS_FILE} here; give the directory of a finished run")
    try:
        return RunResults.model_validate_json(read_text(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(f"{path}: {where}: {first['msg']}; expected the results of this version's run") from None
