"""What a run found: everything a report shows, frozen, written as `results.json` in the run directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agents.figures import Record
from experiments.results.arms import ArmResult, Comparison
from experiments.results.figures import CreditResult, Front, GapRecovered, ResidualResult
from experiments.results.files import RESULTS_FILE, read_record, write_record
from experiments.results.labels import LabelRates, RaterAgreement
from experiments.results.models import CrewMember, CriticLadder, EvaluationResult, TrainingResult
from experiments.results.transcripts import Transcript
from training.checks.summary import SetAudit


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


def write_results(results: RunResults, run_directory: Path) -> Path:
    """Write `results.json` into the run directory (atomically) and return its path."""
    return write_record(results, run_directory)


def read_results(run_directory: Path) -> RunResults:
    """The results of a run directory. Raises InputError where there are none or they are not of this version."""
    absent = f"no {RESULTS_FILE} here; give the directory of a finished run"
    return read_record(RunResults, run_directory, absent, "expected the results of this version's run")
