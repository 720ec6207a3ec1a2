"""Heavy libraries are loaded where they are used and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from constitutions.guard import ROOMS

HEAVY = ("torch", "transformers", "ray", "plotly", "peft", "accelerate")


@pytest.mark.parametrize("room", ROOMS)
def test_importing_a_room_loads_no_heavy_library(room: str, project_root: Path) -> None:
    code = f"import sys, {room}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(project_root)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
