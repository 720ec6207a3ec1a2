"""A node that dies in mid-run changes no record."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from experiments.config import load_experiment
from experiments.lab.arms import DEFAULT
from experiments.lab.keep import Keep
from experiments.lab.simulate import simulate
from experiments.prepare import prepare_arms
from tests.experiments.lab.two_nodes import CASES


def test_a_killed_node_changes_no_record(tmp_path: Path, project_root: Path) -> None:
    spec = load_experiment(DEFAULT)
    arms, keep = prepare_arms(spec), Keep(tmp_path / "local", "visits")
    simulate(arms, CASES, spec.auditor, keep=keep)
    found = subprocess.run(
        [sys.executable, "-m", "tests.experiments.lab.two_nodes", str(tmp_path / "ray")],
        cwd=project_root,
        env={**os.environ, "PYTHONPATH": str(project_root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr[-4000:]
    told = [line.split() for line in found.stdout.splitlines()]
    assert ["nodes", "left", "1"] in told
    assert [words[1] for words in told if words[:1] == ["digest"]] == [keep.digest(arm.name, "visits") for arm in arms]
