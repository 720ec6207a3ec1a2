"""`oversight credit`: what each overseer of an arm contributes to a metric."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from rich.console import Console

from agents.vocabulary import Role
from constitutions.errors import InputError
from experiments.cases import load_cases
from experiments.config import ExperimentSpec, FileData, MarkedMetric, SimulatedData
from experiments.credit.credit import EXACT, credit
from experiments.credit.keep import add_credit
from experiments.credit.subjects import subject_of
from experiments.credit.values import ESCALATED, Overseen, passes_in_words, simulated_value
from experiments.exhibits import folder_page
from experiments.folder import RunFolder
from experiments.lab.tally import METRICS
from experiments.prepare import check_models, resolve_auditor
from experiments.results.figures import CreditResult
from experiments.stages.overseeing import executor_for
from experiments.terminal.measure_tables import credit_table
from experiments.terminal.progress import Progress
from hierarchy.absent import reviewing
from hierarchy.arm import Arm
from hierarchy.audit.auditors import HumanSpec


def credit_command(
    subject: str, config: Path | None, arm: str | None, metric: str, as_json: bool, permutations: int,
    overrides: Sequence[str],
) -> None:  # fmt: skip
    """Print every overseer's credit; that of a run is also kept in its results and shown on its page."""
    asked = subject_of(subject, config, arm, overrides)
    told = Console(stderr=True)
    found = [arm_credit(asked.spec, one, metric, permutations, told, asked.run) for one in asked.arms]
    for result in found:
        if as_json:
            print(result.model_dump_json())
        else:
            Console().print(credit_table(result, result.arm))
    if asked.run is not None:
        add_credit(asked.run, found)
        told.print(f"report  {asked.run.report}", highlight=False, soft_wrap=True)
    if asked.kept is not None:
        asked.kept.add_credit(found)
        page = folder_page([asked.kept.folder], metric).write(asked.kept.page)
        told.print(f"report  {page}", highlight=False, soft_wrap=True)


def arm_credit(
    spec: ExperimentSpec, arm: Arm, metric: str, permutations: int, console: Console, run: RunFolder | None = None
) -> CreditResult:
    """Credit of the arm's critics and safety steps on the experiment's cases.

    Simulated cases that words can carry pass through the lab's engine; others, and those of a run, go the way of an
    ordinary run. Raises InputError for a graph without reviewers, a metric or a number of orders that cannot be had.
    """
    ids = reviewing(arm.plan)
    if not ids:
        raise InputError(f"graph {arm.plan.graph.name!r} has no critic and no safety step to give credit to")
    if len(ids) > EXACT and permutations < 4:
        raise InputError(f"--permutations is {permutations}; accepted: 4 or more")
    known = arm.name in spec.arms
    if isinstance(spec.dataset, SimulatedData) and run is None and (passes_in_words(arm) or not known):
        _accept(metric, METRICS, "")
        auditor = resolve_auditor(spec, arm.name) if known else spec.auditor
        value = simulated_value(arm, metric, spec.dataset.size, auditor)
        return credit(arm.name, ids, metric, value, spec.seed, permutations)
    if not known:
        raise InputError("a topology's credit is taken on simulated cases; name it as an arm of the config instead")
    return _overseen(spec, arm, ids, metric, permutations, console, run)


def _overseen(
    spec: ExperimentSpec, arm: Arm, ids: Sequence[str], metric: str, permutations: int, console: Console,
    run: RunFolder | None,
) -> CreditResult:  # fmt: skip
    """Credit by the ordinary run, with a journal beside the run's own or for the time being."""
    match spec.dataset:
        case FileData():
            _accept(metric, (ESCALATED,), "; nobody knows which answers of a file are right")
        case SimulatedData():
            _accept(metric, ("missed_violations", ESCALATED), "")
        case _:
            _accept(metric, (*get_args(MarkedMetric), ESCALATED), "")
    auditor = resolve_auditor(spec, arm.name)
    if metric != ESCALATED and isinstance(auditor, HumanSpec) and _has_auditor(arm):
        raise InputError(
            f"auditor.kind is 'human', who would be asked again for every coalition; accepted: --metric {ESCALATED}, "
            "or a config whose auditor is simulated"
        )
    check_models(spec, [arm])
    cases, records = load_cases(spec.dataset, spec.seed)
    with _folder(run) as folder, executor_for(spec.execution) as executor:
        value = Overseen(spec, arm, metric, cases, records, executor, folder, Progress(console))
        return credit(arm.name, ids, metric, value, spec.seed, permutations)


def _has_auditor(arm: Arm) -> bool:
    return any(step.role is Role.AUDITOR for step in arm.plan.graph.steps)


def _accept(metric: str, accepted: Sequence[str], why: str) -> None:
    if metric not in accepted:
        raise InputError(f"--metric is {metric!r}; accepted: {', '.join(accepted)}{why}")


@contextmanager
def _folder(run: RunFolder | None) -> Iterator[Path]:
    if run is not None:
        run.credit.mkdir(exist_ok=True)
        yield run.credit
        return
    with tempfile.TemporaryDirectory(prefix="oversight-credit-") as folder:
        yield Path(folder)
