"""What a case costs by a price table. What has no price is unknown, never free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.spec import Spec
from agents.vocabulary import Role
from hierarchy.block import Block
from hierarchy.records import audits

Floats = NDArray[np.float64]


class Price(Spec):
    """What an agent costs, in the table's currency.

    `per_call` for every question to its model, `per_1k_prompt` and `per_1k_completion` for a thousand tokens read and
    written.
    """

    per_call: float = Field(0.0, ge=0)
    per_1k_prompt: float = Field(0.0, ge=0)
    per_1k_completion: float = Field(0.0, ge=0)

    @property
    def by_tokens(self) -> bool:
        """Whether tokens must be known to know the price."""
        return self.per_1k_prompt > 0 or self.per_1k_completion > 0


class PriceTable(Spec):
    """Prices by agent and of an auditor's minute. `default` is the price of agents the table does not name; without
    one their price is unknown."""

    currency: str = "USD"
    agents: dict[str, Price] = Field(default_factory=dict)
    default: Price | None = None
    human_minute: float = Field(0.0, ge=0)

    def of(self, agent: str) -> Price | None:
        """The agent's price; None where it is unknown."""
        return self.agents.get(agent, self.default)


@dataclass(frozen=True)
class Costs:
    """Cost per case [N], without that of the agents whose price is unknown; `unpriced` names those."""

    cost_N: Floats
    unpriced: tuple[str, ...]


def case_costs(block: Block, prices: PriceTable) -> Costs:
    """What every case cost: calls and tokens of the steps that ran, and human minutes.

    An agent that was asked is unpriced where the table has no price for it, or one by tokens and its model counted
    none (simulated, scripted and recorded models do not).
    """
    cost = audits(block)[2] * prices.human_minute
    unpriced: dict[str, None] = {}
    for step in block.plan.steps:
        said, ran = block.said(step.index), block.ran[step.index]
        if step.role in (Role.AUDITOR, Role.CONSENSUS):
            continue
        counted = [name if name in said.columns else None for name in ("calls", "tokens", "written")]
        calls, tokens, written = (np.where(ran, said[name], 0) if name else np.zeros(len(block)) for name in counted)
        price = prices.of(str(step.step.agent))
        if not calls.any():
            continue
        if price is None or (price.by_tokens and not tokens.any()):
            unpriced[str(step.step.agent)] = None
            continue
        by_token = price.per_1k_prompt * (tokens - written) + price.per_1k_completion * written
        cost = cost + price.per_call * calls + by_token / 1000.0
    return Costs(cost, tuple(unpriced))
