"""The second stage of a run: what each arm settled becomes data, and the data becomes a tuned base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.records import Settlement
from agents.spec import AgentSpec, TransformersSpec
from constitutions.errors import InputError
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
    """Train the base once per arm, stage after stage. On Ray the arms train side by side. Idempotent."""
    if not isinstance(base.model, TransformersSpec):
        raise InputError(f"training: agent {base_name(spec)!r} is {base.model.kind}; only transformers models learn")
    paths = {arm: Path(base.model.path) for arm, _ in settled}
    stages: dict[str, list[TrainingResult]] = {arm: [] for arm, _ in settled}
    for stage in spec.training:
        jobs = [_job(spec, folder, stage, arm, cases, paths[arm]) for arm, cases in settled]
        for job, result in zip(jobs, _run(spec, stage, jobs, progress), strict=True):
            paths[job.name] = result.checkpoint
            stages[job.name].append(_result(job.name, stage, result))
    return [Tuned(arm, paths[arm], tuple(stages[arm])) for arm, _ in settled]


def base_name(spec: ExperimentSpec) -> str:
    """The agent that learns."""
    return spec.evaluation.agent if spec.evaluation else "base"


def _job(
    spec: ExperimentSpec, folder: RunFolder, stage: StageSpec, arm: str, cases: Sequence[Settlement], model: Path
) -> TrainJob:
    supervised = sft_rows(cases, spec.name, stage.outcomes)
    _write(folder.datasets / arm / "sft", supervised)
    rows: list[Row] = list(supervised)
    if stage.data == "preferences":
        pairs = preference_rows(cases, spec.name)
        _write(folder.datasets / arm / "preferences", pairs)
        rows = [*pairs, *rows]
    return TrainJob(arm, stage.train, tuple(rows), model, folder.checkpoints / f"{arm}-{stage.name}")


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
