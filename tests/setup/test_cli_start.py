"""The command line answers at once."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS_OF_CPU = 0.4
SLOW_TO_IMPORT = ("torch", "transformers", "ray", "pydantic", "numpy", "networkx")


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one run of `command` and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def test_help_takes_less_than_four_tenths_of_a_second_of_cpu() -> None:
    oversight = shutil.which("oversight", path=str(Path(sys.executable).parent))
    if oversight is None:
        pytest.skip("the command `oversight` is not installed beside this Python: pip install -e .")
    # The best of several: what else the machine does slows some of them down.
    assert min(cpu_seconds([oversight, "--help"]) for _ in range(6)) < SECONDS_OF_CPU


def test_the_command_line_loads_no_library_that_is_slow_to_import(project_root: Path) -> None:
    code = f"import sys, experiments.cli; print(*[name for name in {SLOW_TO_IMPORT!r} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(project_root)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
