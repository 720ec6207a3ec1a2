"""Fine-tuning on a Ray cluster: one on several workers, or several at once. The only module of this room to import Ray.

Either way the work is `training.train.train`, called as anyone would call it, so a result never depends on which
worker ran it, when, or beside what.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayTaskError

from constitutions.errors import OversightError
from training.config import TrainConfig
from training.job import TrainJob
from training.output import TrainResult
from training.script import check_config, run_config
from training.train import train

POLL_SECONDS = 0.25
_RETRIES = 2

JobProgress = Callable[[str, str, int, int], None]
"""Called with (job name, stage, done, total)."""


class _Board:
    """Where running jobs leave word: how far they are, which only feeds progress bars, and what stopped them."""

    def __init__(self) -> None:
        self.latest: dict[str, tuple[str, int, int]] = {}
        self.error: OversightError | None = None

    def post(self, name: str, stage: str, done: int, total: int) -> None:
        self.latest[name] = (stage, done, total)

    def read(self) -> dict[str, tuple[str, int, int]]:
        return self.latest

    def stop(self, error: OversightError) -> None:
        self.error = self.error or error

    def stopped(self) -> OversightError | None:
        return self.error


def _board() -> Any:
    return ray.remote(_Board).options(num_cpus=0).remote()


def train_on_ray(config: TrainConfig, gpu: bool = False) -> TrainResult:
    """One fine-tuning on `config.workers` workers of Ray Train, each a process with the same steps as alone.

    A worker that dies is started again with the others, and they go on from the last checkpoint in `config.out` +
    `.partial`, which every worker must see (a shared file system). Raises what a worker raised.
    """
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    check_config(config)
    board = _board()
    scratch = Path(config.out).absolute().with_name(f"{Path(config.out).name}.ray")
    with warnings.catch_warnings():
        # Ray reads settings of its own under names that it has deprecated.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"ray\.")
        trainer: Any = TorchTrainer(
            _train_worker,
            train_loop_config={"config": config.model_dump_json(), "folder": os.getcwd(), "board": board},
            scaling_config=ScalingConfig(num_workers=config.workers, use_gpu=gpu, resources_per_worker={"CPU": 1}),
            torch_config=TorchConfig(backend="nccl" if gpu else "gloo"),
            run_config=RunConfig(
                name="train", storage_path=str(scratch), failure_config=FailureConfig(max_failures=_RETRIES)
            ),
        )
        try:
            trainer.fit()
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    error = ray.get(board.stopped.remote())
    if error is not None:
        raise error
    return run_config(config)


def _train_worker(given: dict[str, Any]) -> None:
    """What each worker does. A mistake that would come again is no reason to start again: it is told to the board."""
    os.chdir(given["folder"])
    config = TrainConfig.model_validate_json(given["config"])
    try:
        run_config(config)
    except OversightError as error:
        ray.get(given["board"].stop.remote(error))


def _work(job: TrainJob, board: Any) -> TrainResult:
    def told(stage: str, done: int, total: int) -> None:
        board.post.remote(job.name, stage, done, total)

    return train(job.spec, job.rows, job.model_path, job.out, None if board is None else told)


def train_all(
    jobs: Sequence[TrainJob],
    workers: int,
    progress: JobProgress | None = None,
    cpus: float = 1.0,
    gpus: float = 0.0,
) -> list[TrainResult]:
    """Run every job on the Ray cluster this process is connected to, at most `workers` at a time; results in job order.

    `cpus` and `gpus` are what each task reserves. A task whose worker dies is started again and goes on from its last
    checkpoint. Raises what a job raised (InputError, OversightError) and starts no further job then.
    """
    board = _board() if progress is not None else None
    task = ray.remote(_work).options(num_cpus=cpus, num_gpus=gpus, max_retries=_RETRIES)
    waiting = list(enumerate(jobs))
    running: dict[Any, int] = {}
    results: dict[int, TrainResult] = {}
    seen: dict[str, tuple[str, int, int]] = {}
    while waiting or running:
        while waiting and len(running) < max(workers, 1):
            index, job = waiting.pop(0)
            running[task.remote(job, board)] = index
        done, _ = ray.wait(list(running), timeout=POLL_SECONDS if board is not None else None)
        for reference in done:
            results[running.pop(reference)] = _result(reference)
        if board is not None and progress is not None:
            seen = _report(board, seen, progress)
    return [results[index] for index in range(len(jobs))]


def _result(reference: Any) -> TrainResult:
    try:
        result: TrainResult = ray.get(reference)
    except RayTaskError as error:
        if isinstance(error.cause, OversightError):
            raise error.cause from None
        raise
    return result


def _report(
    board: Any, seen: dict[str, tuple[str, int, int]], progress: JobProgress
) -> dict[str, tuple[str, int, int]]:
    latest: dict[str, tuple[str, int, int]] = ray.get(board.read.remote())
    for name, state in latest.items():
        if seen.get(name) != state:
            progress(name, *state)
    return dict(latest)
