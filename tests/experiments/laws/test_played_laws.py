"""Control, queues, ratings and raters, played out by the engine: each agrees with its formula."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from constitutions.errors import InputError
from experiments.cli import app
from experiments.laws import control
from experiments.laws.control_played import monitoring, upfront
from experiments.laws.dawid_skene import dawid_skene
from experiments.laws.elo import rate
from experiments.laws.queue import erlang_c
from experiments.laws.raters_played import games, votes
from experiments.laws.simulated import Share, waiting

N = 200_000
HONEST, ATTACK = np.arange(100) / 100, 0.5 + np.arange(50) / 100
SUCCESS = np.arange(50) % 2 == 0


def agrees(found: Share, expected: float) -> None:
    assert found.value == pytest.approx(expected, abs=4 * found.standard_error + 1e-12)


@pytest.mark.parametrize("budget", [0, 1, 5, 20, 50])
def test_trusted_monitoring(budget: float) -> None:
    law = control.monitoring(HONEST, ATTACK, SUCCESS, budget)
    safety, audited = monitoring(HONEST, ATTACK, SUCCESS, law.threshold, N, seed=budget)
    agrees(safety, law.safety)
    agrees(audited, float((law.threshold < HONEST).mean()))


@pytest.mark.parametrize(
    ("p", "n", "budget"), [(0.02, 50, 10), (0.1, 20, 0), (0.3, 7, 100), (0.05, 100, 33), (0.0, 5, 40)]
)
def test_upfront_auditing(p: float, n: int, budget: float) -> None:
    law = control.upfront(p, n, 0.9, 0.6, budget)
    safety, usefulness = upfront(p, n, 0.9, 0.6, budget, N, seed=n)
    assert safety.cases == N // n
    agrees(safety, law.safety)
    agrees(usefulness, law.usefulness)


@pytest.mark.parametrize(("servers", "arrival", "service"), [(2, 1.0, 1.0), (3, 2.0, 1.0), (1, 0.3, 0.5)])
def test_queues(servers: int, arrival: float, service: float) -> None:
    law, found = erlang_c(servers, arrival, service), waiting(servers, arrival, service, N, seed=4)
    assert found.cases == N
    agrees(Share.mean(found.share, found.share_error, N), law.wait_probability)
    agrees(Share.mean(found.mean, found.mean_error, N), law.mean_wait)


def test_games_are_rated_as_they_were() -> None:
    wins = {("a", "b"): 60, ("b", "a"): 40, ("b", "c"): 70, ("c", "b"): 30, ("a", "c"): 80, ("c", "a"): 20}
    winners = [one for (one, _), count in wins.items() for _ in range(count)]
    losers = [other for (_, other), count in wins.items() for _ in range(count)]
    found = rate(winners, losers, 0, 0)
    again = games(found, {("a", "b"): 100, ("b", "c"): 100, ("a", "c"): 100}, N, seed=1)
    assert again.games == pytest.approx(N, abs=3)
    for name, rating in found.ratings.items():
        assert again.ratings[name] == pytest.approx(rating, abs=4)  # four standard errors at 200,000 games


@pytest.mark.parametrize("classes", ["xy", "xyz", "abcdefghij"])
def test_raters_are_found_again(classes: str) -> None:
    rows = np.random.default_rng(len(classes))
    truth = rows.integers(len(classes), size=3_000)
    case, rater, label = [], [], []
    for r in range(5):
        right = rows.random(3_000) < 0.9 - 0.05 * r
        said = np.where(right, truth, rows.integers(len(classes), size=3_000))
        case += [str(n) for n in range(3_000)]
        rater += [f"r{r}"] * 3_000
        label += [classes[k] for k in said]
    found = dawid_skene(case, rater, label)
    again = votes(found, 20_000, seed=2)
    assert again.classes == found.classes
    assert again.raters == found.raters
    np.testing.assert_allclose(again.marginals, found.marginals, atol=0.02)
    np.testing.assert_allclose(again.confusions, found.confusions, atol=0.05)


def test_what_words_cannot_hold_is_refused() -> None:
    many = dawid_skene([str(n) for n in range(65)], ["r"] * 65, [f"c{n}" for n in range(65)])
    with pytest.raises(InputError, match="65 classes"):
        votes(many, 10)
    with pytest.raises(InputError, match="--simulate is 3"):
        upfront(0.1, 10, 1.0, 0.0, 10, 3)


def written(path: Path, head: list[str], rows: list[list[object]]) -> str:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return str(path)


def answered(*words: str) -> dict:
    result = CliRunner().invoke(app, ["law", *words, "--json", "--simulate", "20000"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_every_command_simulates(tmp_path: Path) -> None:
    honest = written(tmp_path / "h.csv", ["score"], [[s] for s in HONEST])
    rows_of_attacks: list[list[object]] = [[s, int(k)] for s, k in zip(ATTACK, SUCCESS, strict=True)]
    attack = written(tmp_path / "a.csv", ["score", "success"], rows_of_attacks)
    found = answered("control", "--honest", honest, "--attack", attack, "--budget", "20")
    assert found["simulated"]["safety"]["simulated"] == pytest.approx(found["safety"], abs=0.02)
    up = ["--upfront", "--p", ".02", "--n", "50", "--usefulness-untrusted", "1", "--usefulness-trusted", ".5"]
    found = answered("control", *up, "--budget", "10")
    assert found["simulated"]["usefulness"]["simulated"] == pytest.approx(found["usefulness"], abs=0.05)
    found = answered("queue", "--servers", "2", "--arrival", "1", "--service", "1")
    assert found["simulated"]["wait_probability"]["simulated"] == pytest.approx(found["wait_probability"], abs=0.05)
    wins = written(tmp_path / "w.csv", ["winner", "loser", "count"], [["a", "b", 60], ["b", "a", 40]])
    found = answered("elo", "--wins", wins, "--resamples", "10")
    assert found["simulated"]["ratings"]["a"] == pytest.approx(found["ratings"]["a"], abs=12)
    rows: list[list[object]] = [[n, r, "yes" if (n + (n % 7 == r)) % 2 else "no"] for n in range(300) for r in "012"]
    votes_file = written(tmp_path / "v.csv", ["case", "rater", "label"], rows)
    found = answered("dawid-skene", "--votes", votes_file)
    assert found["simulated"]["marginals"]["yes"] == pytest.approx(found["marginals"]["yes"], abs=0.03)
