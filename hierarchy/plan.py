"""The compiled graph: step instances in topological order, with their edges and what each may see resolved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from agents.vocabulary import RESPONDERS, Role, Verdict
from constitutions.constitution import Constitution
from constitutions.predicate import Predicate
from hierarchy.graph import OversightGraph, Sink, Step

BLANK = (Verdict.MISSING, Verdict.ESCALATE)
"""Verdicts that pass only edges which ask for them: there is no judgement in them."""
MOVING = RESPONDERS | {Role.JUDGE, Role.AUDITOR}
"""Roles that can set a case's response."""


@dataclass(frozen=True, slots=True)
class PlannedEdge:
    """An edge of the plan. `target` is a step's index, or a sink.

    `blank` are those of the `BLANK` verdicts that may pass. A `fallback` edge takes what no other edge took; an
    `unreviewed` edge takes, before any other, what a policy answered because no auditor did.
    """

    source: int
    target: int | Sink
    when: Predicate | None
    blank: tuple[Verdict, ...]
    kind: Literal["declared", "fallback", "unreviewed"] = "declared"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a read finds its output: the candidates are tried from last to first, per case; `step` is the id."""

    step: str
    instances: tuple[int, ...]


@dataclass(frozen=True)
class PlannedStep:
    """One step instance.

    Attributes:
        index: position in the plan; name: instance name; step: its declaration; round: loops taken around it.
        constitution: the principles of this step.
        ins, outs: indices into the plan's edges.
        responses: earlier instances that can set the case's response, in order.
        subject: for a named subject: where it is found; None for the case's own response.
        reads, options, members: where these are found.
        quorum: in-edges that must have fired.
        bits: the place of each of the step's principles in the whole constitution.
        asked: False for a reviewer that is left out (see `hierarchy.absent`).
    """

    index: int
    name: str
    step: Step
    round: int
    constitution: Constitution
    ins: tuple[int, ...]
    outs: tuple[int, ...]
    responses: tuple[int, ...]
    subject: Source | None
    reads: tuple[Source, ...]
    options: tuple[Source, ...]
    members: tuple[Source, ...]
    quorum: int
    bits: tuple[int, ...]
    asked: bool = True

    @property
    def role(self) -> Role:
        """What the step does."""
        return self.step.role

    @cached_property
    def mask(self) -> int:
        """The step's principles as bits of a word."""
        return sum(1 << bit for bit in self.bits)

    @cached_property
    def principles(self) -> tuple[str, ...]:
        """Ids of the step's principles."""
        return tuple(principle.id for principle in self.constitution.principles)


@dataclass(frozen=True)
class Plan:
    """A graph, unrolled and ordered. `steps[i].index == i`; every edge leads to a later step or a sink."""

    graph: OversightGraph
    steps: tuple[PlannedStep, ...]
    edges: tuple[PlannedEdge, ...]

    @cached_property
    def places(self) -> int:
        """How many bits latent content needs: the last place of any step's principle, plus one."""
        return 1 + max((bit for step in self.steps for bit in step.bits), default=0)

    @cached_property
    def moving(self) -> tuple[int, ...]:
        """The steps that can set a case's response, in order."""
        return tuple(step.index for step in self.steps if step.role in MOVING)

    @cached_property
    def ends(self) -> tuple[tuple[int, Sink, tuple[int, ...]], ...]:
        """The edges that end in a sink: (index, sink, the steps up to its source that can set a case's response)."""
        return tuple(
            (index, sink, tuple(step for step in self.moving if step <= self.edges[index].source))
            for sink in Sink
            for index in self.into(sink)
        )

    @cached_property
    def ways(self) -> tuple[tuple[PlannedEdge, ...], ...]:
        """Every step's out-edges."""
        return tuple(tuple(self.edges[index] for index in step.outs) for step in self.steps)

    def into(self, sink: Sink) -> tuple[int, ...]:
        """Indices of the edges that end in the sink."""
        return tuple(i for i, edge in enumerate(self.edges) if edge.target == sink)
