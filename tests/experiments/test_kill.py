"""A driver or an actor killed with SIGKILL in mid-run, then `oversight resume`: the same records as without."""

from __future__ import annotations

import os
import random
import re
import signal
from pathlib import Path

import pytest

from tests.experiments.commands import (
    CONFIGS,
    SMALL_DEMO,
    digest,
    invoke,
    killed_in_mid_run,
    oversight,
    rows,
    start,
    wait_for_rows,
)

SIMULATED = ("dataset.size=600", "execution.block=20", "auditor.budget=40")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """(digest, journal rows) of the simulated run that nobody disturbs."""
    run = tmp_path_factory.mktemp("simulated") / "run"
    invoke("run", CONFIGS / "simulated.yaml", "--out", run, sets=SIMULATED)
    return digest(run), rows(run)


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """(digest, journal rows) of the small run with language models, in one process, that nobody disturbs."""
    run = tmp_path_factory.mktemp("language") / "run"
    invoke("run", CONFIGS / "demo.yaml", "--out", run, "--executor", "local", "--schedule", "shards", sets=SMALL_DEMO)
    return digest(run), rows(run)


@pytest.mark.parametrize("time", range(3))
def test_a_killed_driver_resumes_to_the_same_records(time: int, simulated: tuple[str, int], tmp_path: Path) -> None:
    expected, total = simulated
    run = tmp_path / "run"
    when = random.Random(os.urandom(8)).uniform(0.05, 0.7)
    moment = killed_in_mid_run(run, total, when, "run", CONFIGS / "simulated.yaml", "--out", run, sets=SIMULATED)
    invoke("resume", run)
    assert digest(run) == expected, moment


@pytest.mark.ray
@pytest.mark.slow
def test_a_killed_driver_on_ray_with_language_models_resumes_to_the_same_records(
    language: tuple[str, int], tmp_path: Path
) -> None:
    expected, total = language
    run = tmp_path / "run"
    when = random.Random(os.urandom(8)).uniform(0.1, 0.6)
    moment = killed_in_mid_run(run, total, when, "run", CONFIGS / "demo.yaml", "--out", run, sets=SMALL_DEMO)
    result = oversight("resume", run)
    assert digest(run) == expected, moment + result.stdout


@pytest.mark.ray
@pytest.mark.slow
def test_a_killed_actor_is_started_again_and_records_nothing_twice(language: tuple[str, int], tmp_path: Path) -> None:
    expected, total = language
    run = tmp_path / "run"
    process = start("run", CONFIGS / "demo.yaml", "--out", run, sets=SMALL_DEMO)
    try:
        wait_for_rows(run, 24, process)
        found = re.search(r"actor critic plays .* in process (\d+)", (run / "run.log").read_text())
        assert found is not None
        os.kill(int(found[1]), signal.SIGKILL)
        assert 0 < rows(run) < total
        assert process.wait() == 0
    finally:
        process.kill()
        process.wait()
    assert digest(run) == expected
    assert rows(run) == total
