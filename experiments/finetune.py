"""The second stage of a run: what each arm settled becomes data, and the data becomes a tuned base."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.records import Settlement
from agents.spec import AgentSpec, TransformersSpec
from constitutions.errors import InputError
from experiments.checks.sets import check_sets
from experiments.config import ExperimentSpec, StageSpec
from experiments.folder import RunFolder
from experiments.progress import Progress
from experiments.results import LossPoint, TrainingResult
from training.datasets import Row, preference_rows, sft_rows
from training.files import write_jsonl, write_parquet
from training.job import TrainJob

if TYPE_CHECKING:
    from training.output import TrainResult


@dataclass(frozen=True)
class Tuned:
    """A tuned base: the arm it learnt from, its checkpoint, and how each stage went."""

    arm: str
    checkpoint: Path
    stages: tuple[TrainingResult, ...]


def finetune(
    spec: ExperimentSpec,
    folder: RunFolder,
    settled: Sequence[tuple[str, Sequence[Settlement]]],
    base: AgentSpec,
    progress: Progress,
) -> list[Tuned]:
    """Train the base once per arm, stage after stage. On Ray the arms train side by side. Idempotent.

    Every set of every arm is audited before anything trains. Raises GateError where a limit of `spec.gate` is broken.
    """
    if not isinstance(base.model, TransformersSpec):
        raise InputError(f"training: agent {base_name(spec)!r} is {base.model.kind}; only transformers models learn")
    paths = {arm: Path(base.model.path) for arm, _ in settled}
    stages: dict[str, list[TrainingResult]] = {arm: [] for arm, _ in settled}
    sets = {
        arm: {stage.name: _sets(spec, folder, stage, arm, cases) for stage in spec.training} for arm, cases in settled
    }
    check_sets(spec, folder, settled, {arm: _by_name(by_stage.values()) for arm, by_stage in sets.items()})
    for stage in spec.training:
        jobs = [_job(folder, stage, arm, sets[arm][stage.name], paths[arm]) for arm, _ in settled]
        for job, result in zip(jobs, _run(spec, stage, jobs, progress), strict=True):
            paths[job.name] = result.checkpoint
            stages[job.name].append(_result(job.name, stage, result))
    return [Tuned(arm, paths[arm], tuple(stages[arm])) for arm, _ in settled]


def base_name(spec: ExperimentSpec) -> str:
    """The agent that learns."""
    return spec.evaluation.agent if spec.evaluation else "base"


def _sets(
    spec: ExperimentSpec, folder: RunFolder, stage: StageSpec, arm: str, cases: Sequence[Settlement]
) -> dict[str, list[Row]]:
    """The sets a stage learns from by name, as they are kept in the run."""
    sets: dict[str, list[Row]] = {}
    if stage.data == "preferences":
        sets["preferences"] = list(preference_rows(cases, spec.name))
    sets["sft"] = list(sft_rows(cases, spec.name))
    for name, rows in sets.items():
        _write(folder.datasets / arm / name, rows)
    return sets


def _by_name(stages: Iterable[Mapping[str, Sequence[Row]]]) -> dict[str, Sequence[Row]]:
    """Every set once, however many stages learn from it."""
    return {name: rows for sets in stages for name, rows in sets.items()}


def _job(folder: RunFolder, stage: StageSpec, arm: str, sets: Mapping[str, Sequence[Row]], model: Path) -> TrainJob:
    rows = tuple(row for some in sets.values() for row in some)
    return TrainJob(arm, stage.train, rows, model, folder.checkpoints / f"{arm}-{stage.name}")


def _write(stem: Path, rows: Sequence[Row]) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    write_jsonl(rows, stem.with_suffix(".jsonl"))
    write_parquet(rows, stem.with_suffix(".parquet"))


def _run(spec: ExperimentSpec, stage: StageSpec, jobs: Sequence[TrainJob], progress: Progress) -> list[TrainResult]:
    done = dict.fromkeys((job.name for job in jobs), 0)
    totals = dict.fromkeys(done, 0)
    with progress.stage(f"train: {stage.name}", 100, "%") as advance:

        def told(name: str, _: str, step: int, total: int) -> None:
            done[name], totals[name] = step, total
            shares = [done[job.name] / totals[job.name] for job in jobs if totals[job.name]]
            advance(int(100 * sum(shares) / len(jobs)))

        if spec.execution.executor == "ray":
            # Ray takes a second to import; a local run does not need it.
            from training.distributed import train_all

            return train_all(jobs, spec.execution.cpus, told, cpus=0.5)
        # torch takes seconds to import; a run that trains nothing does not need it.
        from training.train import train

        return [
            train(job.spec, job.rows, job.model_path, job.out, lambda s, a, b, name=job.name: told(name, s, a, b))  # type: ignore[misc]
            for job in jobs
        ]


def _result(arm: str, stage: StageSpec, result: TrainResult) -> TrainingResult:
    curve = tuple(LossPoint(step=int(entry["step"]), loss=float(entry["loss"])) for entry in result.log)
    return TrainingResult(
        arm=arm, stage=stage.name, rows=result.rows, steps=result.steps, seconds=result.seconds, curve=curve
    )
