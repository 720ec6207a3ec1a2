"""What a case without text costs by a price table, in whole millionths of the currency, so that sums are exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.vocabulary import Role
from constitutions.errors import InputError
from experiments.lab.tally import human_ms, questions
from experiments.metrics.cost import PriceTable
from hierarchy.arm import Arm
from hierarchy.latent.block import LatentBlock

MILLIONTHS = 1_000_000
_HALF = 20
_MODELS = (Role.BASE, Role.REVISER, Role.CRITIC, Role.SAFETY, Role.JUDGE)


@dataclass(frozen=True)
class Charges:
    """Millionths of the currency: for every question of a step, by its index; for a human minute."""

    question: dict[int, int]
    minute: int

    @classmethod
    def of(cls, arm: Arm, prices: PriceTable) -> Charges:
        """The arm's prices. Raises InputError for an agent without one, or priced by tokens."""
        found = {}
        for step in arm.plan.steps:
            if step.role not in _MODELS:
                continue
            name = str(step.step.agent)
            price = prices.of(name)
            if price is None or price.by_tokens:
                what = "has no price" if price is None else "is priced by tokens, which simulated agents do not count"
                raise InputError(f"prices.agents: {name!r} {what}; give its per_call, or a default with one")
            found[step.index] = round(price.per_call * MILLIONTHS)
        return cls(found, round(prices.human_minute * MILLIONTHS))

    def each(self, block: LatentBlock) -> NDArray[np.int64]:
        """What each case cost, [N]."""
        out = human_ms(block) * self.minute // 60_000
        for index, rows in block.rows.items():
            price = self.question.get(index, 0) * questions(block.plan, index)
            if price:
                out[rows.at] += price
        return out


def squares(each: NDArray[np.int64]) -> int:
    """The sum of squares of whole numbers below 2^40, exact where 64 bits would not hold it."""
    high, low = each >> _HALF, each & ((1 << _HALF) - 1)
    parts = ((high, high, 2 * _HALF), (2 * high, low, _HALF), (low, low, 0))
    return sum(int(np.dot(a, b)) << shift for a, b, shift in parts)
