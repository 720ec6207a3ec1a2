from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from agents.records import Settlement
from constitutions.errors import InputError, OversightError
from training import distributed
from training.arguments import shares
from training.config import TrainConfig, TrainSpec
from training.datasets import Row, preference_rows, sft_rows
from training.distributed import train_all, train_on_ray
from training.files import write_jsonl
from training.job import TrainJob
from training.script import run_config, run_torchrun
from training.train import train

pytestmark = pytest.mark.ray
Corrected = Callable[[int], list[Settlement]]
STEPS = 20


@pytest.fixture
def config(tiny: Path, corrected: Corrected, tmp_path: Path) -> TrainConfig:
    """Twenty steps of DPO with supervised rows mixed in, whose batches hold unlike numbers of tokens and pairs."""
    rows: list[Row] = [*preference_rows(corrected(40), "run"), *sft_rows(corrected(24), "run")]
    write_jsonl(rows, tmp_path / "rows.jsonl")
    spec = TrainSpec(method="dpo", max_steps=STEPS, batch_size=8, learning_rate=2e-3, log_steps=1, save_steps=6)
    return TrainConfig(model=str(tiny), data=(str(tmp_path / "rows.jsonl"),), out=str(tmp_path / "out"), train=spec)


def _to(config: TrainConfig, name: str) -> TrainConfig:
    return config.model_copy(update={"out": str(Path(config.out).with_name(name))})


def _curves(log: tuple[dict[str, float], ...]) -> list[list[float]]:
    return [[entry[name] for name in ("loss", "dpo_loss", "sft_loss", "margin", "accuracy")] for entry in log]


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.mark.slow
def test_two_ray_workers_have_the_curve_of_one_and_go_on_when_one_dies(
    ray_cluster: str, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker is killed, once, as it ends step 9; the workers go on from the checkpoint of step 6."""
    alone = run_config(_to(config, "alone"))
    monkeypatch.setattr(distributed, "_train_worker", _Dying(tmp_path / "killed"))
    together = train_on_ray(_to(config, "ray"))
    assert (tmp_path / "killed").read_text("utf-8") == "9"
    assert np.allclose(_curves(alone.log), _curves(together.log), atol=1e-4, rtol=0)
    assert len(together.log) == STEPS
    one, two = _weights(alone.checkpoint), _weights(together.checkpoint)
    assert all(torch.allclose(one[name], two[name], atol=1e-4) for name in one)
    left = ["alone", "killed", "ray", "ray.audit.json", "rows.jsonl"]
    assert sorted(path.name for path in tmp_path.iterdir()) == left


class _Dying:
    """The real worker, but the first of the processes dies once, as it ends a step."""

    def __init__(self, mark: Path) -> None:
        self.mark, self.work = mark, distributed._train_worker

    def __call__(self, given: dict[str, Any]) -> None:
        import os

        from transformers import TrainerState

        from training import ranks, trainer

        def on_step_end(_: Any, args: Any, state: TrainerState, *more: Any, **named: Any) -> None:
            if state.global_step == 9 and ranks.is_first() and not self.mark.exists():
                self.mark.write_text("9", encoding="utf-8")
                os._exit(1)

        trainer.MarkComplete.on_step_end = on_step_end  # type: ignore[method-assign]
        self.work(given)


def test_torchrun_has_the_curve_of_one_process(config: TrainConfig) -> None:
    alone, together = run_config(_to(config, "alone")), run_torchrun(_to(config, "torchrun"))
    assert np.allclose(_curves(alone.log), _curves(together.log), atol=1e-4, rtol=0)


def test_a_mistake_is_told_before_a_process_is_started(ray_cluster: str, config: TrainConfig) -> None:
    for start in (train_on_ray, run_torchrun, run_config):
        with pytest.raises(InputError, match=r"rows\.jsonl: no such file"):
            start(config.model_copy(update={"data": ("rows.jsonl",)}))


def test_a_step_that_processes_cannot_share_evenly_is_refused(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert shares(TrainSpec(batch_size=8)) == (4, 1)
    assert shares(TrainSpec(batch_size=8, micro_batch=2)) == (2, 2)
    with pytest.raises(InputError, match="batch_size 7 cannot be shared by 2 processes that read 3 rows"):
        shares(TrainSpec(batch_size=7))


@pytest.mark.nightly
def test_a_workers_own_error_is_told_as_it_was_raised(ray_cluster: str, config: TrainConfig) -> None:
    unshared = config.model_copy(update={"train": config.train.model_copy(update={"batch_size": 7})})
    with pytest.raises(InputError, match="batch_size 7 cannot be shared by 2 processes that read 3 rows"):
        train_on_ray(unshared)
    broken = config.model_copy(update={"train": config.train.model_copy(update={"learning_rate": 1e39})})
    with pytest.raises(OversightError, match=r"is nan in step|is not finite after step"):
        run_torchrun(broken)
    assert not Path(config.out).exists()


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
