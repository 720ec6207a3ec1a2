"""Running the command line as a user would: in a process of its own, or in this one, which has loaded torch already."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from typer.testing import CliRunner, Result

from experiments.cli import app

PROJECT = Path(__file__).resolve().parents[2]
CONFIGS = PROJECT / "experiments" / "configs"
SMALL_DEMO = (
    "arms={single: {graph: single}}",
    "dataset.size=48",
    "training=[]",
    "evaluation=null",
    "ladder=null",
    "compare=[]",
    "auditor.budget=2",
)
_PROGRAM = [sys.executable, "-c", "from experiments.cli import main; main()"]


def command(*words: str | Path, sets: Sequence[str] = ()) -> list[str]:
    """The command line of `oversight WORDS --set ...`."""
    return [*_PROGRAM, *map(str, words), *(part for item in sets for part in ("--set", item))]


def environment() -> dict[str, str]:
    """The environment of a child that finds the packages from any folder."""
    return {**os.environ, "PYTHONPATH": str(PROJECT), "COLUMNS": "100"}


def oversight(*words: str | Path, sets: Sequence[str] = (), expect: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and check its exit code."""
    result = subprocess.run(command(*words, sets=sets), env=environment(), cwd=PROJECT, capture_output=True, text=True)
    assert result.returncode == expect, f"exit {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result


def invoke(*words: str | Path, sets: Sequence[str] = (), expect: int = 0) -> Result:
    """The same in this process."""
    given = [*map(str, words), *(part for item in sets for part in ("--set", item))]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == expect, result.output
    return result


def start(*words: str | Path, sets: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """Start a command and leave it running; what it prints goes where pytest captures it."""
    return subprocess.Popen(command(*words, sets=sets), env=environment(), cwd=PROJECT)


def digest(run: Path) -> str:
    """The digest of a run's records, as its log says it last."""
    lines = (run / "run.log").read_text().splitlines()
    return [line.split()[1] for line in lines if line.startswith("records ")][-1]


def rows(run: Path) -> int:
    """How many rows the journal of a run holds now; 0 while there is none."""
    path = run / "journal.sqlite"
    if not path.is_file():
        return 0
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as connection:
            return int(connection.execute("select count(*) from entry").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def wait_for_rows(run: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    """Until the journal holds at least `count` rows; fails when the process ends before."""
    while True:
        ended, there = process.poll(), rows(run)  # in this order: what ended has written all its rows
        if there >= count:
            return
        assert ended is None, f"ended with {ended} at {there} rows, before {count}"
        time.sleep(0.002)


def killed_in_mid_run(run: Path, total: int, when: float, *words: str | Path, sets: Sequence[str] = ()) -> str:
    """Start a command that makes `run` and kill it with SIGKILL once it has written this share of its `total` rows.

    Where it was quicker than the kill, it is started anew and killed sooner. Gives the moment in words.
    """
    for attempt in range(6):
        process = start(*words, sets=sets)
        aim = 1 + int(when * total / 2**attempt)
        try:
            wait_for_rows(run, aim, process)
        finally:
            process.kill()  # SIGKILL
            process.wait()
        if (there := rows(run)) < total:
            return f"killed at {there} of {total} rows, aimed at {aim}"
        shutil.rmtree(run)
    raise AssertionError(f"the command wrote its {total} rows before it could be killed, six times")
