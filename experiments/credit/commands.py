"""`oversight credit`: what each overseer of an arm contributes to a metric."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import yaml
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from constitutions.errors import InputError
from constitutions.files import read_text
from experiments.config import ExperimentSpec, MarkedMetric, SimulatedData, WorldData, load_experiment
from experiments.credit.credit import EXACT, CreditResult, credit
from experiments.credit.values import Overseen, simulated_value
from experiments.datasets import load_cases
from experiments.lab.commands import DEFAULT, named_arms
from experiments.lab.tally import METRICS
from experiments.overseeing import executor_for
from experiments.prepare import check_models, prepare_arm, resolve_auditor
from experiments.progress import Progress
from experiments.report.wording import interval, number
from hierarchy.absent import reviewing
from hierarchy.arm import Arm
from hierarchy.audit.safe_text import visible

MARKED = get_args(MarkedMetric)


def credit_command(
    subject: str, config: Path | None, arm: str | None, metric: str, as_json: bool, permutations: int,
    overrides: Sequence[str],
) -> None:  # fmt: skip
    """Print every overseer's credit, for a topology with the config's agents or for arms of an experiment."""
    spec, arms = _arms(subject, config, arm, overrides)
    found = [arm_credit(spec, one, metric, permutations, Console(stderr=True)) for one in arms]
    for result in found:
        if as_json:
            print(result.model_dump_json())
        else:
            print_credit(result)


def _arms(
    subject: str, config: Path | None, arm: str | None, overrides: Sequence[str]
) -> tuple[ExperimentSpec, list[Arm]]:
    """The experiment and the arms meant: of a config, all or the one named; else the topology's."""
    if not is_experiment(subject):
        if arm is not None:
            raise InputError(
                f"--arm is {arm!r}, but {subject!r} is a topology; arms are those of an experiment's config"
            )
        spec = load_experiment(config or DEFAULT, overrides)
        return spec, named_arms(spec, [subject])
    spec = load_experiment(subject, overrides)
    if arm is not None and arm not in spec.arms:
        raise InputError(f"--arm is {arm!r}; accepted: {', '.join(spec.arms)}")
    return spec, [prepare_arm(spec, name) for name in ([arm] if arm else spec.arms)]


def is_experiment(subject: str) -> bool:
    """Whether this names an experiment's config: a YAML file with `arms` (a topology's file has `steps`)."""
    path = Path(subject)
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return False
    try:
        written = yaml.safe_load(read_text(path))
    except yaml.YAMLError:
        return False  # whoever reads it as a topology says where it is wrong
    return isinstance(written, dict) and "arms" in written


def arm_credit(spec: ExperimentSpec, arm: Arm, metric: str, permutations: int, console: Console) -> CreditResult:
    """Credit of the arm's critics and safety steps on the experiment's cases.

    Raises InputError for a graph without any, a metric or a number of orders that cannot be had, and cases that nobody
    can score.
    """
    ids = reviewing(arm.plan)
    accepted = METRICS if isinstance(spec.dataset, SimulatedData) else MARKED
    if not ids:
        raise InputError(f"graph {arm.plan.graph.name!r} has no critic and no safety step to give credit to")
    if metric not in accepted:
        raise InputError(f"--metric is {metric!r}; accepted: {', '.join(accepted)}")
    if len(ids) > EXACT and permutations < 4:
        raise InputError(f"--permutations is {permutations}; accepted: 4 or more")
    if isinstance(spec.dataset, SimulatedData):
        auditor = resolve_auditor(spec, arm.name) if arm.name in spec.arms else spec.auditor
        value = simulated_value(arm, metric, spec.dataset.size, auditor)
        return credit(arm.name, ids, metric, value, spec.seed, permutations)
    return _overseen(spec, arm, ids, metric, permutations, console)


def _overseen(
    spec: ExperimentSpec, arm: Arm, ids: Sequence[str], metric: str, permutations: int, console: Console
) -> CreditResult:
    if not isinstance(spec.dataset, WorldData):
        raise InputError(
            f"dataset.kind is {spec.dataset.kind!r}; credit needs cases whose truth is known: world, simulated"
        )
    if arm.name not in spec.arms:
        raise InputError("a topology's credit is taken on simulated cases; name it as an arm of the config instead")
    check_models(spec, [arm])
    cases, records = load_cases(spec.dataset, spec.seed)
    with tempfile.TemporaryDirectory(prefix="oversight-credit-") as folder, executor_for(spec.execution) as executor:
        value = Overseen(spec, arm, metric, cases, records, executor, Path(folder), Progress(console))
        return credit(arm.name, ids, metric, value, spec.seed, permutations, cases.case_id_N)


def print_credit(result: CreditResult) -> None:
    """Every overseer's part, in points, with 95 % intervals."""
    name = result.metric.replace("_", " ")
    title = f"What each overseer of {result.arm} adds to {name}, points (95 %)"
    table = Table(title=Text(visible(title)), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("overseer", overflow="fold", max_width=30)
    for heading in ("Shapley value", "with it − without it"):
        table.add_column(heading, justify="right", no_wrap=True)
    for part in result.credit:
        cells = [f"{number(_points(d.value), 2)}\n{interval(d, 100, 2)}" for d in (part.shapley, part.leave_one_out)]
        table.add_row(Text(visible(part.overseer)), *cells)
    console = Console()
    console.print(table)
    ends = ", ".join(
        f"{who} asked {number(_points(one.value), 2)} % ({interval(one, 100, 2)})"
        for who, one in (("everybody", result.everybody), ("nobody", result.nobody))
    )
    console.print(f"{name}: {ends}; {result.n:,} cases, {result.coalitions} coalitions", highlight=False)


def _points(value: float | None) -> float | None:
    return None if value is None else 100 * value
