"""Another distribution's `agents` in front of ours is named before anything of it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from constitutions.guard import ROOMS, require_our_agents, shadow_of


@pytest.fixture
def other_distribution(tmp_path: Path) -> Path:
    """A folder laid out as openai-agents is once installed; its package fails when it is run."""
    package = tmp_path / "agents"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('the other package was run')\n")
    info = tmp_path / "openai_agents-0.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: openai-agents\nVersion: 0.9\n")
    (info / "RECORD").write_text("agents/__init__.py,,\nopenai_agents-0.9.dist-info/METADATA,,\n")
    return tmp_path


def python(code: str, *path: Path) -> subprocess.CompletedProcess[str]:
    """Run `code` with `path` to import from; the working folder, which Python looks into first, is another one."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=os.sep, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("room", ["hierarchy", "training"])
def test_rooms_refuse_to_load_beside_somebody_elses_agents(
    room: str, other_distribution: Path, project_root: Path
) -> None:
    result = python(f"import {room}", other_distribution, project_root)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(
        f"constitutions.errors.InputError: the package 'agents' would be loaded from {other_distribution / 'agents'} "
        f"(owner: openai-agents) instead of {project_root / 'agents'}; "
    )
    assert "pip uninstall openai-agents" in last


def test_a_shadow_that_no_distribution_owns_is_refused_too(tmp_path: Path, project_root: Path) -> None:
    (tmp_path / "agents.py").write_text("")
    result = python("import hierarchy", tmp_path, project_root)
    assert f"would be loaded from {tmp_path / 'agents.py'} (owner: no installed distribution)" in result.stderr


def test_our_own_rooms_are_not_taken_for_shadows() -> None:
    require_our_agents()
    assert [shadow_of(room) for room in ROOMS] == [None] * len(ROOMS)
