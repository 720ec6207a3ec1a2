"""Unrolling: a graph with bounded back edges becomes an acyclic one of step instances.

An instance is a step together with how often each loop around it has been taken. A count is kept only inside the
loop's body, so what lies behind a loop is one instance however many rounds led there, and a loop within a loop starts
anew in each round of the outer one. An instance from which only used-up loops lead on is dropped, and the edges into
it are taken over by its predecessor's `exhausted` edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from agents.vocabulary import Role
from constitutions.errors import InputError
from hierarchy.branches import reached
from hierarchy.graph import Edge, OversightGraph, Sink

MAX_INSTANCES = 512
Rounds = tuple[tuple[int, int], ...]  # (index of the back edge, how often taken), sorted


class Instance(NamedTuple):
    """A step in a given round of the loops around it."""

    rounds: Rounds
    step: str

    @property
    def name(self) -> str:
        """`critic` outside loops, `critic.0`, `critic.1` ... inside; nested loops give `critic.1.0`."""
        return ".".join([self.step, *(str(count) for _, count in self.rounds)])

    @property
    def round(self) -> int:
        """How often the loops around it have been taken, together."""
        return sum(count for _, count in self.rounds)


@dataclass(frozen=True, slots=True)
class Way:
    """An edge between instances (or into a sink); `edge` is the declared edge whose condition it has."""

    source: Instance
    target: Instance | Sink
    edge: Edge


@dataclass(frozen=True)
class Unrolled:
    """Instances and ways, the start instances first found first; `loops` are the bodies by back-edge index."""

    instances: tuple[Instance, ...]
    ways: tuple[Way, ...]


def unroll(graph: OversightGraph) -> Unrolled:
    """Unroll the bounded cycles. Raises InputError for an unbounded or unexhausted loop, or a plan over the cap."""
    return _Unroller(graph).run()


class _Unroller:
    def __init__(self, graph: OversightGraph) -> None:
        self.graph = graph
        self.back = {i: e for i, e in enumerate(graph.edges) if e.max_rounds is not None}
        self.own: dict[str, list[tuple[int, Edge]]] = {step.id: [] for step in graph.steps}
        for i, edge in enumerate(graph.edges):
            self.own[edge.source].append((i, edge))
        bodies = {i: self._body(e) for i, e in self.back.items()}
        self.around = {step.id: [i for i, body in bodies.items() if step.id in body] for step in graph.steps}
        self.ways: dict[Instance, list[Way] | None] = {}

    def _body(self, edge: Edge) -> frozenset[str]:
        """The natural loop of a back edge: what leads from its target to its source without coming by the target."""
        onward = {step: [way.to for _, way in ways] for step, ways in self.own.items()}
        backward: dict[str, list[str]] = {}
        for way in self.graph.edges:
            if way.to != edge.to:
                backward.setdefault(way.to, []).append(way.source)
        return frozenset((reached([edge.to], onward) & reached([edge.source], backward)) | {edge.to})

    def run(self) -> Unrolled:
        self._refuse_unbounded()
        entries = {e.to for e in self.graph.edges if e.max_rounds is None}
        # A step that only a loop leads to is no start: no case comes to it before the loop is first taken.
        known = [s.id for s in self.graph.steps if s.role is Role.BASE or s.id == self.graph.fallback]
        starts = [name for name in known if name not in entries]
        for start in starts:
            self._expand(self._at(start, {}), ())
        alive = [instance for instance, ways in self.ways.items() if ways is not None]
        if len(alive) > MAX_INSTANCES:
            raise self._error(f"unrolled to {len(alive)} steps; at most {MAX_INSTANCES}")
        ways = [way for instance in alive for way in self.ways[instance] or ()]
        return Unrolled(tuple(alive), tuple(ways))

    def _refuse_unbounded(self) -> None:
        sorter: TopologicalSorter[str] = TopologicalSorter()
        for edge in self.graph.edges:
            if edge.max_rounds is None:
                sorter.add(edge.to, edge.source)
        try:
            sorter.prepare()
        except CycleError as error:
            path = " -> ".join(error.args[1])
        else:
            return
        raise self._error(f"the cycle {path} has no bound; give one of its edges `max_rounds: N`")

    def _error(self, message: str) -> InputError:
        return InputError(f"graph {self.graph.name!r}: {message}")

    def _at(self, step: str, counts: dict[int, int]) -> Instance:
        return Instance(tuple([(i, counts.get(i, 0)) for i in self.around[step]]), step)

    def _expand(self, instance: Instance, trail: tuple[Instance, ...]) -> bool:
        """Fill `self.ways[instance]`; False when only used-up loops lead on from it."""
        if instance in trail:
            names = ", ".join(sorted({i.step for i in trail}))
            raise self._error(f"the loops around {names} overlap without one holding the other")
        if instance in self.ways:
            return self.ways[instance] is not None
        if len(self.ways) > 4 * MAX_INSTANCES or len(trail) >= MAX_INSTANCES:
            raise self._error(f"unrolls to more than {MAX_INSTANCES} steps; lower `max_rounds`")
        trail = (*trail, instance)
        ways: list[Way] = []
        used_up: list[Edge] = []
        leading = [(index, edge) for index, edge in self.own[instance.step] if not edge.exhausted]
        for index, edge in leading:
            target = self._target(instance, index, edge)
            if target is None or (isinstance(target, Instance) and not self._expand(target, trail)):
                used_up.append(edge)
            else:
                ways.append(Way(instance, target, edge))
        if used_up:
            ways = self._take_over(instance, ways, used_up, trail)
        self.ways[instance] = ways if ways or not leading else None
        return self.ways[instance] is not None

    def _target(self, instance: Instance, index: int, edge: Edge) -> Instance | Sink | None:
        if edge.to not in self.own:
            return Sink(edge.to)
        counts = dict(instance.rounds)
        if index in self.back:
            counts[index] = counts.get(index, 0) + 1
            if counts[index] > (edge.max_rounds or 0):
                return None
        return self._at(edge.to, counts)

    def _take_over(
        self, instance: Instance, ways: list[Way], used_up: list[Edge], trail: tuple[Instance, ...]
    ) -> list[Way]:
        exits = [edge for _, edge in self.own[instance.step] if edge.exhausted]
        if not exits:
            if ways:
                raise self._error(
                    f"when the loop after step {instance.step!r} is used up there is no way on; "
                    f"add an edge {{from: {instance.step}, to: ..., exhausted: true}}"
                )
            return []
        target = self._target(instance, -1, exits[0])
        if target is None or (isinstance(target, Instance) and not self._expand(target, trail)):
            raise self._error(f"the exhausted edge of {instance.step!r} leads back into its loop")
        order = {id(edge): position for position, edge in enumerate(self.graph.edges)}
        taken = [Way(instance, target, edge) for edge in used_up]
        return sorted([*ways, *taken], key=lambda way: order[id(way.edge)])
