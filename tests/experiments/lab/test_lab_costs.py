"""What cases without text cost by a price table."""

from __future__ import annotations

import numpy as np
import pytest

from constitutions.errors import InputError
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
