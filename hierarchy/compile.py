"""Compiling: check a declared graph, unroll its loops, order it, and resolve what every step may see."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Literal

import networkx as nx

from agents.vocabulary import RESPONDERS, Role, Verdict
from constitutions.constitution import Constitution
from constitutions.errors import InputError
from constitutions.predicate import Predicate, comparisons, fields
from hierarchy.checks import check_parallel, check_spec, check_way_conditions
from hierarchy.graph import RESPONSE, OversightGraph, Sink, Step
from hierarchy.plan import BLANK, MOVING, Plan, PlannedEdge, PlannedStep, Source
from hierarchy.unroll import Instance, Unrolled, Way, unroll

Kind = Literal["declared", "fallback", "unreviewed"]


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
    bits = {s.id: tuple(constitution(s.constitution).index(name) for name in principles[s.id].ids) for s in graph.steps}
    check_way_conditions(graph, principles)
    dag, ways = _with_implied(graph, unrolled)
    check_parallel(graph, dag)
    return _Resolver(graph, dag, ways, principles, bits).plan()


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


def _with_implied(graph: OversightGraph, unrolled: Unrolled) -> tuple[nx.DiGraph[Any], list[tuple[Way, Kind]]]:
    """The graph of instances and sinks, with the implied edges: to the fallback, and from auditors to the policy."""
    dag: nx.DiGraph[Any] = nx.DiGraph()
    dag.add_nodes_from(unrolled.instances)
    ways: list[tuple[Way, Kind]] = []
    for way in unrolled.ways:
        dag.add_edge(way.source, way.target, fan_out=graph.step(way.source.step).route == "fan_out")
        ways.append((way, "declared"))
    for instance in unrolled.instances:
        if graph.step(instance.step).role is Role.AUDITOR:
            sink = Sink(graph.unreviewed.outcome)
            dag.add_edge(instance, sink, fan_out=False)
            ways.append((Way(instance, sink, graph.edges[0]), "unreviewed"))
        own = [way for way in unrolled.ways if way.source == instance]
        if any(way.edge.when is None and carries_blank(graph, way) for way in own):
            continue
        target = _fallback_target(graph, dag, instance)
        if not dag.has_edge(instance, target):
            dag.add_edge(instance, target, fan_out=False)
        ways.append((Way(instance, target, graph.edges[0]), "fallback"))
    return dag, ways


def _fallback_target(graph: OversightGraph, dag: nx.DiGraph[Any], instance: Instance) -> Instance | Sink:
    if graph.fallback in set(Sink):
        return Sink(graph.fallback)
    found = [node for node in dag if isinstance(node, Instance) and node.step == graph.fallback]
    target = max(found)
    if target == instance or instance in nx.descendants(dag, target):
        return Sink.REFUSE
    return target


def carries_blank(graph: OversightGraph, way: Way) -> tuple[Verdict, ...]:
    """Which of the verdicts missing and escalate may pass: all into consensus, elsewhere where the condition looks at
    the verdict. Into release, only those that the condition asks for by name: `ne revise` must not release what no
    reviewer could read.
    """
    if isinstance(way.target, Instance) and graph.step(way.target.step).role is Role.CONSENSUS:
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
        dag: nx.DiGraph[Any],
        ways: list[tuple[Way, Kind]],
        principles: dict[str, Constitution],
        bits: dict[str, tuple[int, ...]],
    ) -> None:
        self.graph, self.dag, self.principles, self.bits = graph, dag, principles, bits
        declared = {step.id: position for position, step in enumerate(graph.steps)}

        def position(node: Any) -> tuple[Any, ...]:
            if isinstance(node, Instance):
                return (0, node.round, declared[node.step], node.name)
            return (1, 0, 0, str(node))

        order = [node for node in nx.lexicographical_topological_sort(dag, key=position) if isinstance(node, Instance)]
        self.order: list[Instance] = order
        self.index = {instance: i for i, instance in enumerate(order)}
        self.edges = tuple(self._edge(way, kind) for way, kind in ways)
        self.before = {node: {a for a in nx.ancestors(dag, node) if isinstance(a, Instance)} for node in order}

    def _edge(self, way: Way, kind: Kind) -> PlannedEdge:
        target = self.index[way.target] if isinstance(way.target, Instance) else way.target
        if kind != "declared":
            return PlannedEdge(self.index[way.source], target, None, BLANK, kind)
        return PlannedEdge(self.index[way.source], target, way.edge.when, carries_blank(self.graph, way))

    def plan(self) -> Plan:
        return Plan(self.graph, tuple(self._step(instance) for instance in self.order), self.edges)

    def _step(self, instance: Instance) -> PlannedStep:
        step, index = self.graph.step(instance.step), self.index[instance]
        ins = tuple(i for i, edge in enumerate(self.edges) if edge.target == index)
        responses = tuple(
            sorted(self.index[a] for a in self.before[instance] if self.graph.step(a.step).role in MOVING)
        )
        return PlannedStep(
            index=index,
            name=instance.name,
            step=step,
            round=instance.round,
            constitution=self.principles[step.id],
            ins=ins,
            outs=tuple(i for i, edge in enumerate(self.edges) if edge.source == index),
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
        return Source(step_id, tuple(sorted(self.index[a] for a in found)))


def _same_round(source: Instance, reader: Instance, previous: bool) -> bool:
    theirs = dict(source.rounds)
    shared = [(theirs[loop], count) for loop, count in reader.rounds if loop in theirs]
    if previous and shared:
        return shared[-1][0] == shared[-1][1] - 1 and all(a == b for a, b in shared[:-1])
    return all(a == b for a, b in shared)
