"""The heart: one pass of a block through a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from agents.columns import Output
from agents.view import View
from hierarchy.block import Block
from hierarchy.plan import Plan


class Performer(Protocol):
    """Whoever carries out a step: an agent, a consensus rule, the auditors' decisions."""

    def act(self, view: View) -> Output:
        """What the step says about every row of the view."""
        ...


Crew = Mapping[str, Performer]
"""Performers by step instance name."""


def oversee(block: Block, plan: Plan, crew: Crew) -> Block:
    """Pass a block of cases through the plan. Cases that need an absent human stay parked in the block."""
    for step in plan.steps:  # topological order, loops unrolled
        rows = np.flatnonzero(block.arrivals(step))
        if len(rows):
            output = crew[step.name].act(block.view(step, rows))  # one batched call
            block.record(step, rows, output)
    return block
