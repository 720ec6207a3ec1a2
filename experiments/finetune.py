"""The second stage of a run: what each arm settled becomes data, and the data becomes a tuned base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.spec import AgentSpec, TransformersSpec
from constitutions.errors import InputError
from experiments.config import ExperimentSpec, StageSpec
from experiments.folder import RunFolder
from experiments.progress import Progress
from experiments.results import LossPoint, TrainingResult
from training.datasets import Source
from training.datasets.kinds import KINDS
from training.files import FORMATS
from training.job import TrainJob

if TYPE_CHECKING:
    from training.output import TrainResult


@dataclass(frozen=True)
class Tuned:
    """A tuned base: the arm it learnt from, its checkpoint, how each stage went, and what its answers begin with."""

    arm: str
    checkpoint: Path
    stages: tuple[TrainingResult, ...]
    prefix: str = ""


def finetune(
    spec: ExperimentSpec,
    folder: RunFolder,
    sources: Sequence[tuple[str, Source]],
    base: AgentSpec,
    progress: Progress,
) -> list[Tuned]:
    """Train the base once per arm, stage after stage. On Ray the arms train side by side. Idempotent."""
    if not isinstance(base.model, TransformersSpec):
        raise InputError(f"training: agent {base_name(spec)!r} is {base.model.kind}; only transformers models learn")
    paths = {arm: Path(base.model.path) for arm, _ in sources}
    stages: dict[str, list[TrainingResult]] = {arm: [] for arm, _ in sources}
    for stage in spec.training:
        jobs = [_job(spec, folder, stage, arm, source, paths[arm]) for arm, source in sources]
        for job, result in zip(jobs, _run(spec, stage, jobs, progress), strict=True):
            paths[job.name] = result.checkpoint
            stages[job.name].append(_result(job.name, stage, result))
    prefix = spec.training[-1].prefix
    return [Tuned(arm, paths[arm], tuple(stages[arm]), prefix) for arm, _ in sources]


def base_name(spec: ExperimentSpec) -> str:
    """The agent that learns."""
    return spec.evaluation.agent if spec.evaluation else "base"


def _job(spec: ExperimentSpec, folder: RunFolder, stage: StageSpec, arm: str, source: Source, model: Path) -> TrainJob:
    kinds = ["preferences", "sft"] if stage.data == "preferences" else [stage.data]
    sets = {kind: KINDS[kind].build(source, spec.datasets).required(kind, len(source.settlements)) for kind in kinds}
    for kind, rows in sets.items():
        for form, write in FORMATS.items():
            write(rows, folder.datasets / arm / f"{kind}.{form}")
    taken = [kind for kind in kinds if kind == stage.data or stage.train.method in ("dpo", "ipo")]
    mixed = tuple(row for kind in taken for row in sets[kind] if stage.learns(row.lineage.case_id))
    return TrainJob(arm, stage.train, mixed, model, folder.checkpoints / f"{arm}-{stage.name}")


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
