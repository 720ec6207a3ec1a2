"""`oversight report` of a recursion's folder, and what other commands say of one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.experiments.commands import invoke
from tests.experiments.recurse.conftest import ARM, Made


@pytest.fixture
def folder(two_rounds: Made, tmp_path: Path) -> Path:
    """The results and the config of a recursion, with a round's config, without what was done in its rounds."""
    found = tmp_path / "recursion"
    (found / ARM / "round-01").mkdir(parents=True)
    for name in ("config.yaml", "results.json"):
        shutil.copy(two_rounds.folder / name, found / name)
    return found


def test_the_page_is_written_again_as_it_was_with_pictures_when_asked(two_rounds: Made, folder: Path) -> None:
    said = invoke("report", folder, "--figures", "svg").stdout
    assert (folder / "report.html").read_bytes() == (two_rounds.folder / "report.html").read_bytes()
    assert (folder / "data" / "rounds.csv").read_bytes() == (two_rounds.folder / "data" / "rounds.csv").read_bytes()
    assert "Overseer accuracy" in said
    assert (folder / "figures" / "chart-recurse-violations.svg").is_file()


def test_into_another_folder_it_is_only_the_page(folder: Path, tmp_path: Path) -> None:
    invoke("report", folder, "--out", tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "report.html").is_file()
    assert not (folder / "report.html").exists()


def test_commands_that_want_a_run_name_a_round_of_the_recursion(folder: Path) -> None:
    for words in (("show", folder, "a-case"), ("resume", folder), ("report", folder, "--hidden")):
        said = invoke(*words, expect=2).stderr
        assert f"holds a recursion; its rounds are runs, such as {folder / ARM / 'round-01'}" in said, words


def test_a_recursion_that_is_not_finished_says_how_to_go_on(folder: Path) -> None:
    (folder / "results.json").unlink()
    assert f"go on with `oversight recurse {folder / 'config.yaml'}`" in invoke("report", folder, expect=2).stderr


def test_results_of_another_version_are_one_line(folder: Path) -> None:
    (folder / "results.json").write_text('{"name": "it"}')
    said = invoke("report", folder, expect=2).stderr
    assert "on the same folder writes it anew" in said
    assert len(said.strip().splitlines()) == 1
