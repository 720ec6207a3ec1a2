"""The second stage of a run: what each arm settled becomes data, and the data becomes a tuned base."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.spec import AgentSpec, TransformersSpec
from constitutions.errors import InputError
from experiments.config import ExperimentSpec, StageSpec
from experiments.datasets.audits import check_sets
from experiments.folder import RunFolder
from experiments.results.models import LossPoint, TrainingResult
from experiments.stages.trained import folder_for
from experiments.terminal.progress import Progress
from training.datasets import Row, Source
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
    """Train the base once per arm, stage after stage. On Ray the arms train side by side. Idempotent.

    Where people have decided since and the data are others, a stage is trained anew, in a folder of its own; what came
    before stays. Every set of every arm is audited before anything trains. Raises GateError where a limit of
    `spec.gate` is broken.
    """
    if not isinstance(base.model, TransformersSpec):
        raise InputError(f"training: agent {base_name(spec)!r} is {base.model.kind}; only transformers models learn")
    paths = {arm: Path(base.model.path) for arm, _ in sources}
    stages: dict[str, list[TrainingResult]] = {arm: [] for arm, _ in sources}
    sets = {
        arm: {stage.name: _sets(spec, folder, stage, arm, source) for stage in spec.training} for arm, source in sources
    }
    settled = [(arm, source.settlements) for arm, source in sources]
    check_sets(spec, folder, settled, {arm: _by_name(by_stage.values()) for arm, by_stage in sets.items()})
    for stage in spec.training:
        first = stage is spec.training[0]
        jobs = [_job(folder, stage, arm, sets[arm][stage.name], paths[arm], first=first) for arm, _ in sources]
        for job, result in zip(jobs, _run(spec, stage, jobs, progress), strict=True):
            paths[job.name] = result.checkpoint
            stages[job.name].append(_result(job.name, stage, result))
    prefix = spec.training[-1].prefix
    return [Tuned(arm, paths[arm], tuple(stages[arm]), prefix) for arm, _ in sources]


def base_name(spec: ExperimentSpec) -> str:
    """The agent that learns."""
    return spec.evaluation.agent if spec.evaluation else "base"


def _sets(spec: ExperimentSpec, folder: RunFolder, stage: StageSpec, arm: str, source: Source) -> dict[str, list[Row]]:
    """What a stage learns by name of its set, which is kept in the run whole."""
    kinds = ["preferences", "sft"] if stage.data == "preferences" else [stage.data]
    sets = {kind: KINDS[kind].build(source, spec.datasets).required(kind, len(source.settlements)) for kind in kinds}
    for kind, rows in sets.items():
        for form, write in FORMATS.items():
            write(rows, folder.datasets / arm / f"{kind}.{form}")
    return {kind: [row for row in rows if stage.learns(row.lineage.case_id)] for kind, rows in sets.items()}


def _by_name(stages: Iterable[Mapping[str, Sequence[Row]]]) -> dict[str, Sequence[Row]]:
    """Every set once, however many stages learn from it."""
    return {name: rows for sets in stages for name, rows in sets.items()}


def _job(
    folder: RunFolder, stage: StageSpec, arm: str, sets: Mapping[str, Sequence[Row]], model: Path, *, first: bool
) -> TrainJob:
    taken = [rows for kind, rows in sets.items() if kind == stage.data or stage.train.method in ("dpo", "ipo")]
    rows = tuple(row for some in taken for row in some)
    out = folder_for(folder, arm, stage, rows, model, first=first)
    return TrainJob(arm, stage.train, rows, model, out)


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
