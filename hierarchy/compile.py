"""Compiling: check a declared graph, unroll its loops, order it, and resolve what every step may see."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Literal

from agents.vocabulary import RESPONDERS, Role, Verdict
from constitutions.constitution import Constitution
from constitutions.errors import InputError
from constitutions.predicate import Predicate, comparisons, fields
from hierarchy.branches import Branches, reached
from hierarchy.checks import check_parallel, check_spec, check_way_conditions
from hierarchy.graph import RESPONSE, OversightGraph, Sink, Step
from hierarchy.plan import BLANK, MOVING, Plan, PlannedEdge, PlannedStep, Source
from hierarchy.unroll import Instance, Unrolled, Way, unroll

Kind = Literal["declared", "fallback", "unreviewed"]
Planned = tuple[Way, Kind]


def compile_graph(
    graph: OversightGraph, agents: Collection[str], constitution: Callable[[str | None], Constitution]
) -> Plan:
    """Check the graph and compile it to a plan. Raises InputError with graph, step and what would be accepted.

    Args:
        graph: the declaration.
        agents: names of the agents there are.
        constitution: loads a step's constitution by name or path; None stands for the run's own.
    """
    check_spec(graph, agents)
    unrolled = unroll(graph)
    principles = {step.id: _constitution(graph, step, constitution) for step in graph.steps}
    bits = {step.id: _places(principles[step.id], constitution(step.constitution)) for step in graph.steps}
    check_way_conditions(graph, {step: some.ids for step, some in principles.items()})
    ways = _with_implied(graph, unrolled)
    order = _ordered(graph, unrolled.instances, ways)
    branches = Branches([*order, *Sink], [(way.source, way.target) for way, _ in ways])
    check_parallel(graph, branches, unrolled)
    return _Resolver(graph, order, branches, ways, principles, bits).plan()


def _constitution(graph: OversightGraph, step: Step, load: Callable[[str | None], Constitution]) -> Constitution:
    whole = load(step.constitution)
    if step.principles is None:
        return whole
    unknown = [name for name in step.principles if name not in whole.ids]
    if unknown:
        raise InputError(
            f"graph {graph.name!r}: step {step.id!r}: constitution {whole.name!r} has no principle {unknown[0]!r}; "
            f"accepted: {', '.join(whole.ids)}"
        )
    return whole.subset(step.principles)


def _places(some: Constitution, whole: Constitution) -> tuple[int, ...]:
    """The place of each principle in the whole constitution."""
    if some is whole:
        return tuple(range(len(whole.principles)))
    place = {name: i for i, name in enumerate(whole.ids)}
    return tuple(place[name] for name in some.ids)


def _with_implied(graph: OversightGraph, unrolled: Unrolled) -> list[Planned]:
    """The declared ways and the implied ones: to the fallback, and from auditors to the policy."""
    steps = {step.id: step for step in graph.steps}
    own: dict[Instance, list[Way]] = {instance: [] for instance in unrolled.instances}
    for way in unrolled.ways:
        own[way.source].append(way)
    target = _fallback_target(graph, own)
    ways_on = {instance: [way.target for way in ways] for instance, ways in own.items()}
    behind = reached([target], ways_on) if isinstance(target, Instance) else set()
    planned: list[Planned] = [(way, "declared") for way in unrolled.ways]
    for instance, ways in own.items():
        if steps[instance.step].role is Role.AUDITOR:
            planned.append((Way(instance, Sink(graph.unreviewed.outcome), graph.edges[0]), "unreviewed"))
        if not any(way.edge.when is None and carries_blank(steps, way) for way in ways):
            fallback = Sink.REFUSE if instance in behind else target
            planned.append((Way(instance, fallback, graph.edges[0]), "fallback"))
    return planned


def _fallback_target(graph: OversightGraph, instances: Collection[Instance]) -> Instance | Sink:
    if graph.fallback in set(Sink):
        return Sink(graph.fallback)
    return max(instance for instance in instances if instance.step == graph.fallback)


def _ordered(graph: OversightGraph, instances: Collection[Instance], ways: Sequence[Planned]) -> list[Instance]:
    """Topological order; of several that could be next, the one of the lowest round, then the first declared."""
    declared = {step.id: position for position, step in enumerate(graph.steps)}
    left = dict.fromkeys(instances, 0)
    after: dict[Instance, list[Instance]] = {instance: [] for instance in instances}
    for way, _ in ways:
        if isinstance(way.target, Instance):
            after[way.source].append(way.target)
            left[way.target] += 1

    def entry(instance: Instance) -> tuple[int, int, str, Instance]:
        return instance.round, declared[instance.step], instance.name, instance

    ready = [entry(instance) for instance, count in left.items() if not count]
    heapify(ready)
    order = []
    while ready:
        order.append(heappop(ready)[-1])
        for target in after[order[-1]]:
            left[target] -= 1
            if not left[target]:
                heappush(ready, entry(target))
    return order


def carries_blank(steps: Mapping[str, Step], way: Way) -> tuple[Verdict, ...]:
    """Which of the verdicts missing and escalate may pass: all into consensus, elsewhere where the condition looks at
    the verdict. Into release, only those that the condition asks for by name: `ne revise` must not release what no
    reviewer could read.
    """
    if isinstance(way.target, Instance) and steps[way.target.step].role is Role.CONSENSUS:
        return BLANK
    if way.edge.when is None or not {"verdict", "missing"} & fields(way.edge.when):
        return ()
    return _asked_for(way.edge.when) if way.target is Sink.RELEASE else BLANK


def _asked_for(when: Predicate) -> tuple[Verdict, ...]:
    named: set[object] = set()
    for comparison in comparisons(when):
        values = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
        if comparison.field == "verdict" and comparison.op in ("eq", "in"):
            named.update(values)
        elif comparison.field == "missing":
            named.add("missing")
    return tuple(verdict for verdict in BLANK if verdict.name.lower() in named)


class _Resolver:
    """Turns instances into planned steps."""

    def __init__(
        self,
        graph: OversightGraph,
        order: list[Instance],
        branches: Branches,
        ways: Sequence[Planned],
        principles: dict[str, Constitution],
        bits: dict[str, tuple[int, ...]],
    ) -> None:
        self.graph, self.order, self.principles, self.bits = graph, order, principles, bits
        self.steps = {step.id: step for step in graph.steps}
        self.moving = {step.id for step in graph.steps if step.role in MOVING}
        self.index = {instance: i for i, instance in enumerate(order)}
        self.edges = tuple([self._edge(way, kind) for way, kind in ways])
        self.ins: list[list[int]] = [[] for _ in order]
        self.outs: list[list[int]] = [[] for _ in order]
        for i, edge in enumerate(self.edges):
            self.outs[edge.source].append(i)
            if isinstance(edge.target, int):
                self.ins[edge.target].append(i)
        self.before = {node: branches.before(node) for node in order}

    def _edge(self, way: Way, kind: Kind) -> PlannedEdge:
        target = self.index[way.target] if isinstance(way.target, Instance) else way.target
        if kind != "declared":
            return PlannedEdge(self.index[way.source], target, None, BLANK, kind)
        return PlannedEdge(self.index[way.source], target, way.edge.when, carries_blank(self.steps, way))

    def plan(self) -> Plan:
        return Plan(self.graph, tuple(self._step(instance) for instance in self.order), self.edges)

    def _step(self, instance: Instance) -> PlannedStep:
        step, index = self.steps[instance.step], self.index[instance]
        responses = tuple([self.index[a] for a in self.before[instance] if a.step in self.moving])
        return PlannedStep(
            index=index,
            name=instance.name,
            step=step,
            round=instance.round,
            constitution=self.principles[step.id],
            ins=tuple(self.ins[index]),
            outs=tuple(self.outs[index]),
            responses=responses,
            subject=None if step.subject == RESPONSE else self._source(instance, step.subject),
            reads=tuple(self._source(instance, read.step, read.round == "previous") for read in step.reads),
            options=self._options(instance, step),
            members=tuple(self._source(instance, member) for member in step.members),
            quorum=step.join if isinstance(step.join, int) else 1,
            bits=self.bits[step.id],
        )

    def _options(self, instance: Instance, step: Step) -> tuple[Source, ...]:
        if step.role is not Role.JUDGE or step.labels:
            return ()
        if step.options:
            return tuple(self._source(instance, option) for option in step.options)
        responders = [s.id for s in self.graph.steps if s.role in RESPONDERS]
        before = {a.step for a in self.before[instance]}
        return tuple(self._source(instance, name) for name in responders if name in before)

    def _source(self, reader: Instance, step_id: str, previous: bool = False) -> Source:
        """Instances of the step before the reader that are of the reader's own round (or the round before)."""
        found = [a for a in self.before[reader] if a.step == step_id and _same_round(a, reader, previous)]
        if not found and not previous:
            raise InputError(
                f"graph {self.graph.name!r}: step {reader.step!r} names {step_id!r}, which never runs before it in the "
                f"same round; name an earlier step, or read {{step: {step_id}, round: previous}}"
            )
        return Source(step_id, tuple([self.index[a] for a in found]))


def _same_round(source: Instance, reader: Instance, previous: bool) -> bool:
    if not source.rounds or not reader.rounds:
        return True
    theirs = dict(source.rounds)
    shared = [(theirs[loop], count) for loop, count in reader.rounds if loop in theirs]
    if previous and shared:
        return shared[-1][0] == shared[-1][1] - 1 and all(a == b for a, b in shared[:-1])
    return all(a == b for a, b in shared)
