"""How a fine-tuning is spread over processes."""

from __future__ import annotations

from enum import StrEnum


class Distributed(StrEnum):
    """How many processes train together, and who starts them."""

    NONE = "none"
    TORCHRUN = "torchrun"
    RAY = "ray"
