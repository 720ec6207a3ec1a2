"""`oversight law ...` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from tests.experiments.commands import invoke, oversight

MAFIA = "nso --guard 1.5305382247861692 -622.9317463747565 --houdini 0.8344154600833648 173.2206142928111 --gap 1000"


def said(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["law", *words, "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_law_prints_one_json_object_or_lines_for_people() -> None:
    found = json.loads(oversight("law", *MAFIA.split(), "--json").stdout)
    assert found == {"steps": 4, "success": pytest.approx(0.045835, abs=1e-6)}
    assert "steps: 4\nsuccess: 0.045835" in invoke("law", *MAFIA.split()).stdout


def test_the_range_of_a_fit_matters() -> None:
    flat = said(*MAFIA.split(), "--guard-range", "0", "1200", "--houdini-range", "0", "1200")
    assert flat["success"] != pytest.approx(0.045835, abs=1e-6)
    assert said(*MAFIA.split(), "--guard-range", "-1e9", "1e9")["success"] == pytest.approx(0.045835, abs=1e-6)


def test_laws_of_numbers_say_what_the_formulas_say() -> None:
    assert said("condorcet", "--p", ".7", "--rho", ".2", "--n", "5") == {"accuracy": pytest.approx(0.764864, abs=1e-6)}
    found = said("weights", "--p", ".9,.6,.6,.6,.6")
    assert set(found) == {"majority", "weighted", "weights"}
    assert said("queue", "--servers", "3", "--arrival", "2", "--service", "1") == {
        "wait_probability": pytest.approx(4 / 9),
        "mean_wait": pytest.approx(4 / 9),
    }
    words = "control --upfront --p .01 --n 100 --usefulness-untrusted .9 --usefulness-trusted .5 --budget 10"
    assert set(said(*words.split())) == {"safety", "usefulness"}


def write(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_control_reads_scores(tmp_path: Path) -> None:
    honest = write(tmp_path / "honest.csv", "score", *(str(i / 100) for i in range(100)))
    attacks = (f"{0.5 + j / 100},{'true' if j % 2 == 0 else 'False'}" for j in range(50))
    attack = write(tmp_path / "attack.csv", "score,success", *attacks)
    found = said("control", "--honest", honest, "--attack", attack, "--budget", "10")
    assert found["safety"] == pytest.approx(1 / 3)


def test_ratings_and_votes_read_files(tmp_path: Path) -> None:
    wins = write(tmp_path / "wins.csv", "winner,loser,count", "a,b,3", "b,a,1")
    found = said("elo", "--wins", wins)
    assert found["ratings"]["a"] == pytest.approx(200 * 0.4771212547, abs=1e-3)
    assert list(found["ratings"]) == ["a", "b"]
    rows = [f"{case},{rater},{'xy'[case % 2]}" for case in range(6) for rater in "pq"]
    found = said("dawid-skene", "--votes", write(tmp_path / "votes.csv", "case,rater,label", *rows))
    assert found["marginals"] == {"x": pytest.approx(0.5), "y": pytest.approx(0.5)}
    assert found["labels"]["3"] == "y"
    assert found["confusions"]["p"]["x"]["x"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("condorcet --p .6 --rho 1 --n 3", "--rho is 1; accepted: [0, 1)"),
        ("weights --p .9,x", "expected numbers separated by commas"),
        ("control --budget 5", "--honest and --attack are needed"),
        ("control --upfront --budget 5", "--upfront needs --p"),
        ("elo --wins nowhere.csv", "nowhere.csv: no such file"),
        ("queue --servers 1 --arrival 2 --service 1", "grows without bound"),
        (MAFIA + " --guard-range 5 1", "expected LOW HIGH"),
        ("nso --guard 1e308 0 --houdini 1e308 0 --gap 1000", "infinite Elo at both ends"),
        ("weights --p .9,,.6", "expected numbers separated by commas"),
        ("control --budget 5 --upfront --honest h.csv", "--honest belongs to control without --upfront"),
        ("control --budget 5 --p .1", "--p belongs to control with --upfront"),
        ("elo --wins nowhere.csv --seed -1", "--seed is -1"),
        ("elo --wins pyproject.toml/wins.csv", "cannot be read"),
        (f"condorcet --p .6 --n 1{400 * '0'}", "accepted: [1, 1e+07]"),
    ],
)
def test_a_mistake_is_one_line(words: str, says: str) -> None:
    result = CliRunner().invoke(app, ["law", *words.split()])
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["case,rater"], "no column 'label'"),
        (["case,rater,label"], "no rows"),
        (["case,rater,label", "1,p,"], "line 2: label is empty"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, lines: list[str], says: str) -> None:
    result = CliRunner().invoke(app, ["law", "dawid-skene", "--votes", write(tmp_path / "v.csv", *lines)])
    assert result.exit_code == 2
    assert says in result.stderr


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["winner,loser,count", "a,b,²"], "line 2: count is '²'; expected a whole number from 0 to 1,000,000"),
        (["winner,loser,count", "a,b,-1"], "line 2: count is '-1'"),
        (["winner,loser,count", "a,b,3000000000000"], "line 2: count is '3000000000000'"),
        (["winner,loser,count", "a,b,600000", "b,a,600000"], "over 1,000,000 games"),
        (["winner,loser", "", "a,b", "", "a,a"], "line 5: loser is 'a'; expected another player"),
        (["winner,loser", "a,"], "line 2: loser is empty"),
        (["winner,loser,loser", "a,b,c"], "column 'loser' stands 2 times"),
        (["winner,loser", "a,b,c"], "line 2: more cells than the first line has columns"),
        (["winner,loser,count", "a,b,0"], "games need a winner"),
    ],
)
def test_games_that_cannot_be_read_are_one_line(tmp_path: Path, lines: list[str], says: str) -> None:
    result = CliRunner().invoke(app, ["law", "elo", "--wins", write(tmp_path / "w.csv", *lines)])
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1
