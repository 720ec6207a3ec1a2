"""What `oversight train` does: config in, progress and a line or two out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from experiments.prepare import world_path
from experiments.terminal.progress import Progress
from experiments.train.processes import Distributed
from training.config import TrainConfig, load_train_config
from training.output import TrainResult
from training.script import check_config


def train_command(path: Path, distributed: Distributed, ray_address: str, overrides: Sequence[str]) -> None:
    """Fine-tune and say what came of it."""
    config = load_train_config(path, tuple(overrides))
    config = config.model_copy(update={"model": world_path(config.model, "model")})
    console = Console()
    result = _train(config, distributed, ray_address, console)
    for note in result.notes:
        console.print(f"note: {note}", highlight=False, soft_wrap=True)
    last = ", ".join(f"{name} {value:.4g}" for name, value in (result.log or ({},))[-1].items() if name != "epoch")
    console.print(f"{result.rows} rows, {result.steps} steps in {result.seconds:.1f} s; {last}", highlight=False)
    console.print(f"checkpoint {result.checkpoint}", highlight=False, soft_wrap=True)


def _train(config: TrainConfig, distributed: Distributed, ray_address: str, console: Console) -> TrainResult:
    # torch and Ray take seconds to import; what is wrong with the config or the data is told before.
    check_config(config)
    config = config.model_copy(update={"gate": None})  # the data were looked at once
    match distributed:
        case Distributed.NONE:
            from training.script import run_config

            with Progress(console).stage(f"train: {config.train.method}", 100, "%") as advance:
                return run_config(config, lambda _, done, total: advance(100 * done // total))
        case Distributed.TORCHRUN:
            from training.script import run_torchrun

            return run_torchrun(config)
        case Distributed.RAY:
            import torch

            from hierarchy.ray_executor import cluster
            from training.distributed import train_on_ray

            with cluster(ray_address, config.workers):
                return train_on_ray(config, gpu=torch.cuda.is_available())
