"""Who goes where: which steps each of N cases has passed, which edges it took, where it waits, how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from hierarchy.graph import Sink
from hierarchy.plan import BLANK, Plan, PlannedEdge, PlannedStep

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Mask = Bools | bool
"""Some rows [n], or all of them, or none."""
Holds = Callable[[PlannedEdge], Bools]


class Flow:
    """The masks of a block.

    Attributes:
        plan: the compiled graph.
        ran: bool [S, N], step s has spoken on case n.
        parked: int [N], index of the auditor's step the case waits at; -1 elsewhere.
        fired: bool [E, N], edge e was taken by case n.
    """

    def __init__(self, count: int, plan: Plan) -> None:
        self.count, self.plan = count, plan
        self.ran = np.zeros((len(plan.steps), count), bool)
        self.fired = np.zeros((len(plan.edges), count), bool)
        self.parked = np.full(count, -1)

    def __len__(self) -> int:
        return self.count

    def arrived(self, step: PlannedStep) -> Bools:
        """Which cases have reached the step: enough of its in-edges were taken (every case reaches a first step)."""
        if not step.ins:
            return np.ones(self.count, bool)
        if step.quorum == 1:
            return reduce(np.logical_or, [self.fired[index] for index in step.ins])
        return np.asarray(self.fired[list(step.ins)].sum(axis=0) >= step.quorum)

    def arrivals(self, step: PlannedStep) -> Ints:
        """The rows that have reached the step."""
        return np.flatnonzero(self.arrived(step))

    def send(
        self, step: PlannedStep, rows: Ints, verdict: NDArray[np.int8], policy: Bools | None, holds: Holds
    ) -> None:
        """Mark the out-edges that each row takes (see `edges_taken`)."""
        edges = [self.plan.edges[index] for index in step.outs]
        exclusive = step.step.route == "exclusive"
        masks = edges_taken(edges, exclusive, verdict, policy, holds)
        for index, mask in zip(step.outs, masks, strict=True):
            self.fired[index, rows] = mask

    def into_sinks(self) -> Bools:
        """Which cases have ended, [N]."""
        sinks = [i for i, edge in enumerate(self.plan.edges) if isinstance(edge.target, Sink)]
        return np.asarray(self.fired[sinks].any(axis=0))

    def halted(self) -> int:
        """How many cases have reached an outcome or wait for a human."""
        return int((self.into_sinks() | (self.parked >= 0)).sum())


def edges_taken(
    edges: Sequence[PlannedEdge],
    exclusive: bool,
    verdict: NDArray[np.int8] | None,
    policy: Bools | None,
    holds: Holds,
) -> list[Mask]:
    """Which rows take each of a step's out-edges.

    `exclusive`: only the first edge that would. `verdict` are the rows' codes, None where none is missing or escalates;
    `policy` says which rows nobody answered but the graph's policy (an auditor's step), None where there are none;
    `holds` evaluates an edge's condition on all rows.
    """
    left: Mask = True if policy is None else ~policy  # taken by no edge yet
    found: list[Mask] = []
    for edge in edges:
        if edge.kind == "unreviewed":
            found.append(False if policy is None else policy)
        elif edge.kind == "fallback" or (exclusive and left is False):
            found.append(left)
        else:
            taken = _declared(edge, verdict, policy, holds)
            found.append(_and(left, taken) if exclusive else taken)
            left = _and(left, not taken if isinstance(taken, bool) else ~taken)
    return found


def _declared(edge: PlannedEdge, verdict: NDArray[np.int8] | None, policy: Bools | None, holds: Holds) -> Mask:
    """Which rows a declared edge would take by itself."""
    taken = True if edge.when is None else holds(edge)
    if policy is not None:
        taken = _and(taken, ~policy)
    if verdict is not None:
        for code in BLANK:
            if code not in edge.blank:
                taken = _and(taken, verdict != code)
    return taken


def _and(one: Mask, other: Mask) -> Mask:
    if isinstance(one, bool):
        return other if one else False
    if isinstance(other, bool):
        return one if other else False
    return one & other
