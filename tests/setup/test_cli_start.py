"""The command line answers at once."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

TIMES = 2.2
READING = "import typer, typer.rich_utils"
SLOW_TO_IMPORT = ("torch", "transformers", "ray", "pydantic", "numpy", "networkx")


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one run of `command` and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def test_help_takes_little_more_cpu_than_loading_the_library_that_prints_it() -> None:
    """0.31 s against 0.18 s on the machine it was written on, of which every other is some multiple."""
    installed = shutil.which("oversight", path=str(Path(sys.executable).parent))
    program = [installed] if installed else [sys.executable, "-c", "from experiments.cli import main; main()"]
    help_, reading = [*program, "--help"], [sys.executable, "-c", READING]
    # In turns, and the best of several: what else the machine does slows some of them down.
    told = [(cpu_seconds(help_), cpu_seconds(reading)) for _ in range(6)]
    helped, read = (min(seconds) for seconds in zip(*told, strict=True))
    assert helped < TIMES * read


def test_the_command_line_loads_no_library_that_is_slow_to_import(project_root: Path) -> None:
    code = f"import sys, experiments.cli; print(*[name for name in {SLOW_TO_IMPORT!r} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(project_root)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
