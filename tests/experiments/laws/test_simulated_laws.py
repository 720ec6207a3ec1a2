"""The engine reproduces the laws within simulation error (four standard errors)."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from constitutions.errors import InputError
from experiments.cli import app
from experiments.laws.condorcet import majority_accuracy
from experiments.laws.nso import best
from experiments.laws.simulated import Share, jury, ladder, waited, waiting, weighted
from experiments.laws.weights import optimal
from tests.experiments.laws.test_formulas import DEBATE, MAFIA

N = 200_000


def agrees(found: Share, expected: float) -> None:
    assert found.cases == N
    assert found.value == pytest.approx(expected, abs=4 * found.standard_error)


@pytest.mark.parametrize(
    ("p", "rho", "n"), [(0.6, 0.0, 5), (0.7, 0.2, 3), (0.7, 0.2, 25), (0.7, 0.2, 2), (0.55, 0.6, 11), (0.9, 0.05, 8)]
)
def test_juries(p: float, rho: float, n: int) -> None:
    agrees(jury(p, rho, n, N, seed=n), majority_accuracy(p, rho, n))


@pytest.mark.parametrize(("game", "gap"), [(MAFIA, 1000), (DEBATE, 2000), (MAFIA, 400)])
def test_ladders(game: tuple, gap: float) -> None:
    found = best(*game, gap)
    agrees(ladder(*game, gap, found.steps, N), found.success)


@pytest.mark.parametrize(
    "p", [(0.9, 0.6, 0.6, 0.6, 0.6), (0.8, 0.7, 0.65, 0.55), (0.2, 0.35, 0.7), (0.5, 0.5), (0.1, 0.5, 0.6)]
)
def test_weighted_votes(p: tuple[float, ...]) -> None:
    plain, best_vote = weighted(p, N)
    agrees(plain, optimal(p).majority)
    agrees(best_vote, optimal(p).weighted)


def test_intervals_cover_the_formula_also_where_nothing_or_little_was_seen() -> None:
    inside = [jury(0.9, 0.0, 5, 400, seed=seed).interval for seed in range(200)]
    covered = sum(low <= majority_accuracy(0.9, 0.0, 5) <= high for low, high in inside)
    assert covered >= 180  # 95 % of 200 is 190, with a standard deviation of 3
    low, high = jury(1.0, 0.0, 3, 50).interval
    assert low < 0.95 < high == 1.0
    assert waited(3, 0.01, 10.0, 20)["mean_wait"]["interval"] is None  # nobody waited, which tells no mean
    lower, upper = waited(2, 1.0, 1.0, 20_000)["wait_probability"]["interval"]
    assert lower < 1 / 3 < upper


def test_another_seed_is_another_sample() -> None:
    assert jury(0.6, 0.1, 3, 5_000, seed=1).value != jury(0.6, 0.1, 3, 5_000, seed=2).value


def test_what_no_graph_can_do_is_refused() -> None:
    with pytest.raises(InputError, match=r"--n with --simulate is 401; accepted: \[1, 400\]"):
        jury(0.6, 0.0, 401, 100)
    with pytest.raises(InputError, match="--arrival with --simulate is 0"):
        waiting(2, 0.0, 1.0, 100)
    with pytest.raises(InputError, match="--simulate is 0"):
        jury(0.6, 0.0, 3, 0)


def test_the_command_prints_both() -> None:
    words = ["law", "condorcet", "--p", ".7", "--rho", ".2", "--n", "3", "--simulate", "50000", "--json"]
    found = json.loads(CliRunner().invoke(app, words).stdout)
    assert set(found) == {"accuracy", "simulated", "standard_error", "interval", "cases"}
    assert found["simulated"] == pytest.approx(found["accuracy"], abs=4 * found["standard_error"])
