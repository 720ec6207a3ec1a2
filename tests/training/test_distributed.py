from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agents.records import Settlement
from constitutions.errors import InputError
from training.config import TrainSpec
from training.datasets import sft_rows
from training.distributed import train_all
from training.job import TrainJob
from training.train import train

pytestmark = pytest.mark.ray


def test_jobs_on_ray_give_what_plain_calls_give(
    ray_cluster: str, tiny: Path, corrected: Callable[[int], list[Settlement]], tmp_path: Path
) -> None:
    spec = TrainSpec(max_steps=4, batch_size=8, log_steps=2, save_steps=None)
    rows = tuple(sft_rows(corrected(16), "run"))
    jobs = [
        TrainJob(f"seed{seed}", spec.model_copy(update={"seed": seed}), rows, tiny, tmp_path / f"ray{seed}")
        for seed in range(2)
    ]
    seen: set[tuple[str, str, int]] = set()
    results = train_all(jobs, 2, lambda name, stage, done, total: seen.add((name, stage, total)))
    for job, result in zip(jobs, results, strict=True):
        plain = train(job.spec, rows, tiny, tmp_path / f"plain{job.spec.seed}")
        assert result.checkpoint == job.out
        assert result.log == plain.log
        weights = [(folder / "model.safetensors").read_bytes() for folder in (job.out, plain.checkpoint)]
        assert weights[0] == weights[1]
    assert seen == {("seed0", "sft", 4), ("seed1", "sft", 4)}


def test_a_jobs_mistake_reaches_the_caller_as_it_was_raised(ray_cluster: str, tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^training: the dataset is empty"):
        train_all([TrainJob("empty", TrainSpec(), (), tiny, tmp_path / "out")], 1)
