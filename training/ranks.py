"""One training on several processes: which one this is, and what they tell one another.

`torchrun` and Ray Train say both in the environment. Alone, every function here does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch
from torch import distributed


def world() -> int:
    """How many processes train together; 1 alone."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return int(os.environ.get("RANK", "0")) == 0


def wait() -> None:
    """Wait until every process is here."""
    if _together():
        distributed.barrier()


def total(values: Iterable[float], device: torch.device | str = "cpu") -> list[float]:
    """Each number summed over the processes."""
    found = list(values)
    if not _together():
        return found
    added = torch.tensor(found, dtype=torch.float64, device=device)
    distributed.all_reduce(added)
    return [float(value) for value in added.tolist()]


def gathered(value: Any) -> list[Any]:
    """What every process has, in their order."""
    if not _together():
        return [value]
    found: list[Any] = [None] * world()
    distributed.all_gather_object(found, value)
    return found


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
