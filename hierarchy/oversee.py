"""The heart: one pass of a block through a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Protocol, TypeVar

from agents.columns import Output
from agents.view import View
from hierarchy.plan import Plan, PlannedStep

R = TypeVar("R", bound=Sized)
V = TypeVar("V")
S = TypeVar("S")
V_co = TypeVar("V_co", covariant=True)
S_co = TypeVar("S_co", covariant=True)
V_contra = TypeVar("V_contra", contravariant=True)
S_contra = TypeVar("S_contra", contravariant=True)


class Plays(Protocol[V_contra, S_co]):
    """Whoever carries out a step: an agent, a consensus rule, the auditors' decisions."""

    def act(self, view: V_contra, /) -> S_co:
        """What the step says about every row of the view."""
        ...


Performer = Plays[View, Output]
"""A performer for cases with text (or with columns of any kind)."""


class Passable(Protocol[R, V_co, S_contra]):
    """A block of cases: with text (`hierarchy.block`) or without (`hierarchy.latent`)."""

    def arrivals(self, step: PlannedStep, /) -> R:
        """The rows of the cases that have reached the step."""
        ...

    def view(self, step: PlannedStep, rows: R, /) -> V_co:
        """What the step may see of the rows."""
        ...

    def record(self, step: PlannedStep, rows: R, said: S_contra, /) -> None:
        """Keep what the step said about the rows, and send them on."""
        ...


def oversee(block: Passable[R, V, S], plan: Plan, crew: Mapping[str, Plays[V, S]]) -> None:
    """Pass a block of cases through the plan; `crew` are performers by step instance name.

    Cases that need an absent human stay parked in the block.
    """
    for step in plan.steps:  # topological order, loops unrolled
        rows = block.arrivals(step)
        if len(rows):
            said = crew[step.name].act(block.view(step, rows))  # one batched call
            block.record(step, rows, said)
