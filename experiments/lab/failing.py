"""What failed in a sweep, and for whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def failures(line: Mapping[str, Any]) -> dict[str, str]:
    """What failed in a setting's line, by arm; what failed for all arms under the empty name."""
    return {"": line["failed"]} if "failed" in line else dict(line.get("failed_arms", {}))
