"""The doctor tells what is there, and says what is in the way."""

from __future__ import annotations

import io
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from experiments.doctor import Check, State, examine, render


def test_everything_asked_for_is_examined_and_nothing_is_bad_here() -> None:
    found = {check.name: check for check in examine()}
    assert {"python", "torch", "ray", "torch devices", "sqlite", "processors", "memory", "agents"} <= found.keys()
    assert found["sqlite"].found.startswith(f"{sqlite3.sqlite_version}: journal_mode=")
    assert found["torch devices"].found.startswith("cpu")
    assert [check for check in found.values() if check.state is State.BAD] == []


def test_shadowed_rooms_are_shown_as_bad(tmp_path: Path, project_root: Path) -> None:
    for room in ("agents", "training"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("raise SystemExit('the other package was run')\n")
    code = "from experiments.doctor import examine; print(*[c.found for c in examine() if c.state == 'bad'], sep='\\n')"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(project_root)))}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=os.sep, env=environment, capture_output=True, text=True, check=True
    )
    assert [line.split("; ")[0] for line in result.stdout.splitlines()] == [
        f"shadowed: import {room} loads {tmp_path / room}" for room in ("agents", "training")
    ]


def test_what_was_found_is_shown_as_it_stands() -> None:
    screen = io.StringIO()
    render([Check("agents", "shadowed by [bold]x[/bold]", State.BAD)], Console(file=screen, width=100))
    assert "✗ agents shadowed by [bold]x[/bold]" in " ".join(screen.getvalue().split())


def test_the_command_prints_what_was_examined(project_root: Path) -> None:
    code = "import sys; sys.argv = ['oversight', 'doctor']; from experiments.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code], cwd=project_root, capture_output=True, text=True, check=True)
    for name in ("python", "torch devices", "sqlite", "memory", "training"):
        assert f" {name} " in result.stdout
