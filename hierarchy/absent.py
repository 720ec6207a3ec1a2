"""Reviewers that are left out: the same graph, the same pass, but nobody there was asked.

Not asked is not missing. A reviewer who could not be read was asked, and consensus fails closed on it; one that was not
asked has no findings, no confidence and no vote: consensus counts it in neither camp, no condition on its confidence
holds, and its own edges are those of a reviewer who found nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.columns import Output
from agents.view import View
from agents.vocabulary import REVIEWERS, Verdict
from constitutions.errors import InputError
from hierarchy.plan import Plan


@dataclass(frozen=True)
class NotAsked:
    """The performer of a reviewing step that is left out."""

    def act(self, view: View) -> Output:
        """Asked nothing, found nothing; confidence NaN, so that no condition on it holds."""
        n = len(view)
        nothing = {"verdict": np.full(n, Verdict.ACCEPT), "confidence": np.full(n, np.nan)}
        return Output.of(view.role, n, view.width, **nothing)


def excused(output: Output) -> NDArray[np.bool_]:
    """Which rows a step was not asked about, [n]."""
    out: NDArray[np.bool_] = (output["verdict"] == Verdict.ACCEPT) & np.isnan(output["confidence"])
    return out


def voting(output: Output) -> NDArray[np.bool_]:
    """Which rows have a say in a consensus, [n]: a verdict came back, and the step was asked."""
    heard: NDArray[np.bool_] = output["verdict"] != Verdict.MISSING
    return heard & ~excused(output)


def leave_out(plan: Plan, absent: Collection[str]) -> Plan:
    """The plan with the critics and safety steps of these ids not asked. Raises InputError for other ids."""
    known = reviewing(plan)
    for one in absent:
        if one not in known:
            raise InputError(f"graph {plan.graph.name!r}: {one!r} cannot be left out; accepted: {', '.join(known)}")
    steps = tuple(replace(step, asked=False) if step.step.id in absent else step for step in plan.steps)
    return replace(plan, steps=steps)


def reviewing(plan: Plan) -> tuple[str, ...]:
    """Ids of the plan's critics and safety steps, in the graph's order."""
    return tuple(step.id for step in plan.graph.steps if step.role in REVIEWERS)
