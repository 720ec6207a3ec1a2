"""One fine-tuning to be done: the arguments of a `train` call, under a name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.config import TrainSpec
from training.datasets import Row


@dataclass(frozen=True, slots=True)
class TrainJob:
    """The arguments of one `train` call, under a name that is unique among the jobs."""

    name: str
    spec: TrainSpec
    rows: tuple[Row, ...]
    model_path: Path
    out: Path
