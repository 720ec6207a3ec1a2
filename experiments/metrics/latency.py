"""How long a case takes from request to outcome: the critical path over the steps that ran."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from agents.vocabulary import Role
from hierarchy.block import Block
from hierarchy.plan import PlannedStep

Floats = NDArray[np.float64]


def critical_path(block: Block, seconds: Mapping[Role, float]) -> Floats:
    """Seconds from request to outcome of every case [N]: the longest path over the steps that ran on it.

    A step takes `seconds` of its role (0 where the mapping has none) whatever it asks, an auditor's step also the
    minutes it was recorded with. A step starts when the edges it waits for have been taken: the last of those taken for
    join `all`, the first for `any`, the q-th for a quorum of q. Parallel branches overlap; rounds of a loop add up.
    The case ends when its last step does. Waiting in queues is not counted.
    """
    finish: dict[int, Floats] = {}
    longest = np.zeros(len(block))
    for step in block.plan.steps:
        ran = block.ran[step.index]
        end = _start(block, step, finish) + seconds.get(step.role, 0.0)
        if step.role is Role.AUDITOR:
            end = end + 60.0 * block.said(step.index)["minutes"]
        finish[step.index] = np.where(ran, end, 0.0)
        longest = np.maximum(longest, finish[step.index])
    return longest


def _start(block: Block, step: PlannedStep, finish: Mapping[int, Floats]) -> Floats:
    """When enough of the step's in-edges have been taken, [N]; 0 for a first step."""
    if not step.ins:
        return np.zeros(len(block))
    arrivals = np.stack(
        [np.where(block.fired[index], finish[block.plan.edges[index].source], np.inf) for index in step.ins]
    )
    if step.step.join == "all":
        start = np.where(np.isfinite(arrivals), arrivals, -np.inf).max(axis=0)
    else:
        start = np.sort(arrivals, axis=0)[min(step.quorum, len(arrivals)) - 1]
    return np.where(np.isfinite(start), start, 0.0)
