"""Several fine-tunings at once on a Ray cluster; the only module of this room that imports Ray.

Each job is one call of `training.train.train` in a Ray task, so its result is that of a plain call: nothing about it
depends on which worker ran it, when, or beside what.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ray
from ray.exceptions import RayTaskError

from constitutions.errors import OversightError
from training.job import TrainJob
from training.output import TrainResult
from training.train import train

POLL_SECONDS = 0.25

JobProgress = Callable[[str, str, int, int], None]
"""Called with (job name, stage, done, total)."""


class _Board:
    """Where running jobs leave word of how far they are. It only feeds progress bars; results never pass it."""

    def __init__(self) -> None:
        self.latest: dict[str, tuple[str, int, int]] = {}

    def post(self, name: str, stage: str, done: int, total: int) -> None:
        self.latest[name] = (stage, done, total)

    def read(self) -> dict[str, tuple[str, int, int]]:
        return self.latest


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
    board = ray.remote(_Board).options(num_cpus=0).remote() if progress is not None else None
    task = ray.remote(_work).options(num_cpus=cpus, num_gpus=gpus, max_retries=2)
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
