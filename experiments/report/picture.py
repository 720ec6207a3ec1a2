"""From a declared oversight graph to the nodes and edges that are drawn: sinks and the human queue included."""

from __future__ import annotations

from agents.vocabulary import Role
from constitutions.predicate import All, AnyOf, Comparison, Not, Predicate
from experiments.results.arms import DrawnEdge, DrawnNode
from hierarchy.graph import Edge, OversightGraph, Sink, Step
from hierarchy.rules import Rule, TopShare

START = "prompt"
_SIGNS = {"eq": "=", "ne": "≠", "lt": "<", "le": "≤", "gt": ">", "ge": "≥"}


def drawn_graph(graph: OversightGraph) -> tuple[tuple[DrawnNode, ...], tuple[DrawnEdge, ...]]:
    """What `drawing.draw_graph` draws: steps, the outcomes that edges lead to, and where prompts enter."""
    entered = {edge.to for edge in graph.edges}
    edges = [DrawnEdge(source=START, target=step.id) for step in graph.steps if step.id not in entered]
    edges += [_edge(edge) for edge in graph.edges]
    sinks = [sink.value for sink in Sink if sink.value in entered]
    nodes = [DrawnNode(id=START, role="start", title=START), *map(_node, graph.steps)]
    nodes += [DrawnNode(id=sink, role="sink", title=sink) for sink in sinks]
    return tuple(nodes), tuple(edges)


def in_words(predicate: Predicate) -> str:
    """A condition as one short line, for labels of edges: `severity ≥ 0.5 and not tags has override`."""
    match predicate:
        case Comparison(field=field, op=op, value=value):
            return _comparison(field, op, value)
        case All(all=parts):
            return " and ".join(map(_inner, parts))
        case AnyOf(any=parts):
            return " or ".join(map(_inner, parts))
        case Not(not_=part):
            return f"not {_inner(part)}"


def _inner(predicate: Predicate) -> str:
    words = in_words(predicate)
    return f"({words})" if isinstance(predicate, All | AnyOf) else words


def _comparison(field: str, op: str, value: object) -> str:
    if value is True or value is False:
        return field if value is (op == "eq") else f"not {field}"
    if isinstance(value, tuple):
        words = " or ".join(map(str, value))
        return words if (field, op) == ("verdict", "in") else f"{field} {'is' if op == 'in' else 'is not'} {words}"
    if op == "contains":
        return f"{field} has {value}"
    # An edge label that says `accept` needs no `verdict =` before it.
    return str(value) if (field, op) == ("verdict", "eq") else f"{field} {_SIGNS[op]} {value}"


def _node(step: Step) -> DrawnNode:
    role = "queue" if step.role is Role.AUDITOR else step.role.value
    rule = f" ({_rule(step.rule)})" if step.rule is not None else ""
    agent = f" ({step.agent})" if step.agent is not None and step.agent != step.id else ""
    side = "" if step.side is None else step.side.value
    return DrawnNode(id=step.id, role=role, title=f"{step.id}{agent}{rule}", side=side)


def _rule(rule: Rule) -> str:
    return f"top {rule.percent:g} %" if isinstance(rule, TopShare) else rule.kind.replace("_", " ")


def _edge(edge: Edge) -> DrawnEdge:
    words = [in_words(edge.when)] if edge.when is not None else []
    if edge.max_rounds is not None:
        words.append(f"≤ {edge.max_rounds} {'round' if edge.max_rounds == 1 else 'rounds'}")
    if edge.exhausted:
        words.append("rounds used up")
    return DrawnEdge(source=edge.source, target=edge.to, label=", ".join(words), back=edge.max_rounds is not None)
