"""What cases without text cost by a price table."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import hierarchy.topology
from constitutions.errors import InputError
from experiments.cli import app
from experiments.config import load_experiment
from experiments.lab.arms import DEFAULT
from experiments.lab.commands import simulate_arms
from experiments.lab.compare import rates
from experiments.lab.costs import Charges, squares
from experiments.lab.simulate import simulate
from experiments.metrics.cost import Price, PriceTable
from experiments.prepare import prepare_arms

PRICES = PriceTable(default=Price(per_call=0.002), human_minute=0.75)


def test_cost_is_calls_and_minutes_by_their_prices() -> None:
    spec = load_experiment(DEFAULT, ["dataset.size=5000"])
    arms = prepare_arms(spec)
    found = simulate(arms, 5_000, spec.auditor, prices=PRICES)
    for arm in arms:
        tally = found.tallies[arm.name]
        assert tally.cost == 2_000 * tally.calls + 750_000 * tally.human_ms // 60_000
        shown = rates(tally)["cost_per_case"]
        assert shown["value"] == pytest.approx(0.002 * tally.calls / 5_000 + 0.75 * tally.human_ms / 60_000 / 5_000)
        assert shown["low"] < shown["value"] < shown["high"]


def test_agents_have_their_own_prices() -> None:
    spec = load_experiment(DEFAULT, ["dataset.size=2000", "arms={relatives: {graph: panel}}", "compare=[]"])
    arms = prepare_arms(spec)
    names = sorted({name for name in arms[0].used()})
    free = {name: Price() for name in names}

    def cost(prices: PriceTable) -> int:
        return simulate(arms, 2_000, spec.auditor, prices=prices).tallies["relatives"].cost or 0

    parts = [cost(PriceTable(agents={**free, name: Price(per_call=1.0)})) for name in names]
    whole = simulate(arms, 2_000, spec.auditor).tallies["relatives"]
    assert min(parts) > 0
    assert sum(parts) == cost(PriceTable(default=Price(per_call=1.0))) == 1_000_000 * whole.calls
    assert whole.cost is None


def test_blocks_do_not_change_the_cost() -> None:
    spec = load_experiment(DEFAULT, ["dataset.size=3000", "auditor.service=exponential"])
    arms = prepare_arms(spec)
    one, other = (simulate(arms, 3_000, spec.auditor, block=b, prices=PRICES).tallies for b in (3_000, 77))
    assert one == other


@pytest.mark.parametrize(
    ("prices", "says"),
    [
        (PriceTable(), "has no price"),
        (PriceTable(default=Price(per_1k_prompt=1.0)), "is priced by tokens"),
    ],
)
def test_what_cannot_be_charged_is_named(prices: PriceTable, says: str) -> None:
    (arm, *_) = prepare_arms(load_experiment(DEFAULT))
    with pytest.raises(InputError, match=says):
        Charges.of(arm, prices)


def test_squares_are_exact_beyond_64_bits() -> None:
    each = np.array([2**39 + 12345, 2**38 - 1, 7], np.int64)
    assert squares(each) == sum(int(x) ** 2 for x in each.tolist())


def test_the_command_takes_prices() -> None:
    spec = load_experiment(DEFAULT, ["dataset.size=2000", "prices={default: {per_call: 0.01}}"])
    found = simulate_arms(spec, prepare_arms(spec), None)
    assert all(tally.cost is not None for tally in found.tallies.values())


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_the_page_and_the_terminal_have_the_cost_and_what_could_be_detected(tmp_path: Path) -> None:
    words = ["compare", "--size", "2000", "--out", str(tmp_path / "out")]
    words += ["--set", "prices={currency: EUR, human_minute: 0.5, default: {per_call: 0.01}}"]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0, told.output
    assert "What it cost" in told.stdout
    assert "Panel of three relatives" in told.stdout  # 80 columns do not break an arm's name
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    found = {(row["metric"], row["arm"]): row["value"] for row in table(tmp_path / "out" / "data" / "arms.csv")}
    for arm in ("strong", "relatives"):
        cost, minutes, calls = (float(found[metric, arm]) for metric in ("cost", "human_minutes", "calls"))
        assert cost == pytest.approx(0.5 * minutes + 0.01 * calls)
    least = 100 * float(table(tmp_path / "out" / "data" / "comparisons.csv")[0]["detectable"])
    assert f">{least:.2f}</td>" in page


def test_a_graph_that_changed_does_not_get_the_folder(tmp_path: Path) -> None:
    mine, out = tmp_path / "mine.yaml", tmp_path / "out"
    for number, name in enumerate(("single", "panel")):
        text = (Path(hierarchy.topology.__file__).parent / "topologies" / f"{name}.yaml").read_text(encoding="utf-8")
        mine.write_text(text, encoding="utf-8")
        told = CliRunner().invoke(app, ["compare", str(mine), "--size", "500", "--out", str(out)])
        assert told.exit_code == 2 * number, told.output
    assert "graphs.json differs" in told.stderr
