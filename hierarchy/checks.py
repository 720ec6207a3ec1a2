"""What is wrong with a graph, said in one line: names, reachability, conditions, parallel branches."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import networkx as nx

from agents.vocabulary import RESPONDERS, REVIEWERS, VERDICT_NAMES, Role
from constitutions.errors import InputError
from constitutions.predicate import Predicate, check, comparisons
from hierarchy import fields
from hierarchy.branches import Branches, reached
from hierarchy.graph import RESPONSE, Edge, OversightGraph, Sink, Step
from hierarchy.rules import TopShare, Weighted
from hierarchy.unroll import Instance, Unrolled

_SINKS = tuple(sink.value for sink in Sink)


def _refuse(graph: OversightGraph, message: str) -> InputError:
    return InputError(f"graph {graph.name!r}: {message}")


def check_spec(graph: OversightGraph, agents: Collection[str]) -> None:
    """Names that exist, roles that fit, every step reachable, an edge out of every step. Raises InputError."""
    ids = [step.id for step in graph.steps]
    for name in ids:
        if ids.count(name) > 1:
            raise _refuse(graph, f"step id {name!r} is used {ids.count(name)} times; ids are unique")
        if name in (*_SINKS, RESPONSE):
            raise _refuse(graph, f"{name!r} is reserved and cannot be a step id")
    for edge in graph.edges:
        _known(graph, f"edge from {edge.source!r}: `from`", edge.source, ids)
        _known(graph, f"edge from {edge.source!r}: `to`", edge.to, (*ids, *_SINKS))
        if edge.exhausted and edge.max_rounds is not None:
            raise _refuse(graph, f"edge {edge.source} -> {edge.to}: `exhausted` and `max_rounds` exclude each other")
    _known(graph, "`fallback`", graph.fallback, (*ids, "refuse", "redirect"))
    roles = {step.id: step.role for step in graph.steps}
    leaving = {edge.source for edge in graph.edges}
    for step in graph.steps:
        _check_step(graph, step, roles, agents)
        if step.id not in leaving:
            raise _refuse(
                graph, f"step {step.id!r} has no way on; add an edge to a step or to one of {', '.join(_SINKS)}"
            )
    _check_reachable(graph)


def _known(graph: OversightGraph, where: str, name: str, accepted: Iterable[str]) -> None:
    if name not in accepted:
        raise _refuse(graph, f"{where}: {name!r} does not exist; accepted: {', '.join(accepted)}")


def _check_step(graph: OversightGraph, step: Step, roles: Mapping[str, Role], agents: Collection[str]) -> None:
    where = f"step {step.id!r}"
    if step.agent is not None and step.agent not in agents:
        _known(graph, f"{where}: `agent`", step.agent, sorted(agents))
    for name in (*(read.step for read in step.reads), *step.options, *step.members):
        _known(graph, where, name, roles)
    for name in step.options:
        if roles[name] not in RESPONDERS:
            raise _refuse(graph, f"{where}: option {name!r} is a {roles[name]}; a judge compares bases and revisers")
    _check_members(graph, step, where)
    if isinstance(step.rule, Weighted) and set(step.rule.weights) != set(step.members):
        raise _refuse(
            graph, f"{where}: `weights` are for {sorted(step.rule.weights)}; the members are {sorted(step.members)}"
        )
    if isinstance(step.rule, TopShare):
        _check_window(graph, step, where)
    _check_subject(graph, step, where, roles)


def _check_members(graph: OversightGraph, step: Step, where: str) -> None:
    for member in map(graph.step, step.members):
        if member.role not in (*REVIEWERS, Role.CONSENSUS, Role.JUDGE) or (
            member.role is Role.JUDGE and not step.labels
        ):
            raise _refuse(
                graph, f"{where}: member {member.id!r} is a {member.role}; consensus counts critics and safety"
            )
        if member.side is not None:
            raise _refuse(graph, f"{where}: member {member.id!r} has a `side`; consensus counts who says what it finds")


def _check_window(graph: OversightGraph, step: Step, where: str) -> None:
    """A window needs all its cases at once: no loop around it, nobody who parks cases before it."""
    whole = _drawn(graph)
    if step.labels:
        raise _refuse(graph, f"{where}: rule 'top_share' ranks findings, not labels; take `labels` off the step")
    if any(step.id in nx.descendants(whole, after) for after in whole.successors(step.id)):
        raise _refuse(graph, f"{where}: rule 'top_share' is inside a loop; lead the back edge to a step behind it")
    for other in graph.steps:
        if other.role is Role.AUDITOR and step.id in nx.descendants(whole, other.id):
            raise _refuse(
                graph, f"{where}: rule 'top_share' is behind auditor {other.id!r}; put it before every auditor"
            )


def _check_subject(graph: OversightGraph, step: Step, where: str, roles: Mapping[str, Role]) -> None:
    if step.subject != RESPONSE:
        _known(graph, f"{where}: `subject`", step.subject, (RESPONSE, *roles))
        if roles[step.subject] in (Role.JUDGE, Role.AUDITOR):
            raise _refuse(graph, f"{where}: a {roles[step.subject]} cannot be a subject")
        if step.side is not None and roles[step.subject] not in RESPONDERS:
            raise _refuse(graph, f"{where}: a `side` is argued about a response; {step.subject!r} is none")
    if step.labels and not graph.labels:
        raise _refuse(graph, f"{where} labels, but the graph declares no `labels`")


def _drawn(graph: OversightGraph) -> nx.DiGraph[str]:
    whole: nx.DiGraph[str] = nx.DiGraph()
    whole.add_nodes_from(step.id for step in graph.steps)
    whole.add_edges_from((edge.source, edge.to) for edge in graph.edges)
    return whole


def _check_reachable(graph: OversightGraph) -> None:
    ways: dict[str, list[str]] = {}
    for edge in graph.edges:
        ways.setdefault(edge.source, []).append(edge.to)
    entries = {edge.to for edge in graph.edges if edge.max_rounds is None}
    bases = [step.id for step in graph.steps if step.role is Role.BASE and step.id not in entries]
    if not bases:
        raise _refuse(graph, f"no case can enter: a base step without a forward edge into it is needed{_loop(graph)}")
    found = reached(bases, ways)
    for step in graph.steps:
        if step.id not in found and step.id != graph.fallback:
            raise _refuse(
                graph, f"step {step.id!r} cannot be reached from {', '.join(bases)}; add an edge or remove it"
            )
    if found.isdisjoint(_SINKS):
        raise _refuse(graph, f"no path ends in an outcome; lead an edge to one of {', '.join(_SINKS)}")


def _loop(graph: OversightGraph) -> str:
    """The first edge that leads back into a base, which may have been meant as a loop."""
    roles = {step.id: step.role for step in graph.steps}
    into = [edge for edge in graph.edges if roles.get(edge.to) is Role.BASE and edge.max_rounds is None]
    return f"; if {into[0].source} -> {into[0].to} is a loop, give it `max_rounds: N`" if into else ""


def check_way_conditions(graph: OversightGraph, principles: Mapping[str, tuple[str, ...]]) -> None:
    """Every condition names fields its source produces; consensus members share the consensus step's principles, and
    a critic of a critic those of the critic it reviews. `principles` are each step's, by id."""
    for edge in graph.edges:
        if edge.when is not None:
            _check_condition(graph, edge, edge.when, principles[edge.source])
    for step in graph.steps:
        for member in step.members:
            if principles[member] != principles[step.id]:
                raise _refuse(
                    graph,
                    f"step {step.id!r}: member {member!r} reviews {', '.join(principles[member])}, consensus "
                    f"{', '.join(principles[step.id])}; give both the same `principles`",
                )
        _check_reviewed(graph, step, principles)


def _check_reviewed(graph: OversightGraph, step: Step, principles: Mapping[str, tuple[str, ...]]) -> None:
    """A critic of a critic is asked what that one was asked."""
    if step.subject == RESPONSE or graph.step(step.subject).role in RESPONDERS:
        return
    theirs, own = principles[step.subject], principles[step.id]
    if theirs != own:
        raise _refuse(
            graph,
            f"step {step.id!r} reviews {step.subject!r}, which is asked about {', '.join(theirs)}, and is itself asked "
            f"about {', '.join(own)}; give both the same `principles`",
        )


def _check_condition(graph: OversightGraph, edge: Edge, when: Predicate, principles: tuple[str, ...]) -> None:
    source = graph.step(edge.source)
    try:
        check(when, fields.kinds(source.role, principles, source.labels))
    except InputError as error:
        raise _refuse(graph, f"edge {edge.source} -> {edge.to}: {error}") from None
    vocabulary = {"verdict": tuple(VERDICT_NAMES), "label": graph.labels}
    for comparison in comparisons(when):
        values = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
        for value in values:
            if comparison.field in vocabulary and value not in vocabulary[comparison.field]:
                _known(
                    graph,
                    f"edge {edge.source} -> {edge.to}: {comparison.field}",
                    str(value),
                    vocabulary[comparison.field],
                )


def check_parallel(graph: OversightGraph, branches: Branches, unrolled: Unrolled) -> None:
    """No branch of a fan-out may park a case, or end it, before the branches have joined again."""
    fans = {step.id for step in graph.steps if step.route == "fan_out"}
    auditors = {step.id for step in graph.steps if step.role is Role.AUDITOR}
    forks: dict[Instance, list[Instance | Sink]] = {}
    for way in unrolled.ways:
        if way.source.step in fans:
            forks.setdefault(way.source, []).append(way.target)
    for node, targets in forks.items():
        if len(set(targets)) < 2:
            continue
        inside = branches.between(targets, branches.join(targets))
        for stop in sorted((n for n in inside if isinstance(n, Sink) or n.step in auditors), key=_name):
            what = "ends the case" if isinstance(stop, Sink) else "parks the case"
            raise _refuse(
                graph, f"step {node.step!r} fans out, and a branch {what} ({_name(stop)}) before the others join"
            )


def _name(node: Any) -> str:
    return node.name if isinstance(node, Instance) else str(node)
