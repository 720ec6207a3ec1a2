"""How large a compiled graph is, and what a case can cost in it at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import networkx as nx

from agents.view import Cases
from agents.vocabulary import RESPONDERS, Role
from hierarchy.block import Block
from hierarchy.branches import Branches
from hierarchy.graph import Sink
from hierarchy.plan import Plan, PlannedStep


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a plan.

    Attributes:
        steps, edges: as declared.
        instances, ways: steps and edges of the plan, its loops unrolled.
        longest: steps on the longest path from a first step to an outcome.
        calls: model calls that no case exceeds: on every way the dearest, every branch of a fan-out, every principle
            applicable, critics writing their critiques.
    """

    steps: int
    edges: int
    instances: int
    ways: int
    longest: int
    calls: int


def size_of(plan: Plan) -> Size:
    """Measure a plan."""
    dag: nx.DiGraph[Any] = nx.DiGraph()
    dag.add_nodes_from(step.index for step in plan.steps)
    dag.add_edges_from((edge.source, edge.target) for edge in plan.edges)
    forward = dag.subgraph([step.index for step in plan.steps])
    return Size(
        len(plan.graph.steps),
        len(plan.graph.edges),
        len(plan.steps),
        len(plan.edges),
        int(nx.dag_longest_path_length(forward)) + 1,
        _most_calls(plan),
    )


def calls_of(plan: Plan, step: PlannedStep) -> int:
    """Model calls of one step for one case, all principles applicable and nothing missing."""
    width = Block(Cases.numbered(0), plan).width(step)
    if step.role in RESPONDERS:
        return width.candidates
    if step.role in (Role.CONSENSUS, Role.AUDITOR):
        return 0
    if step.step.labels:
        return 1
    if step.role is Role.JUDGE:
        return width.options * (width.options - 1)
    verdicts = width.candidates * width.principles
    reviews_critic = step.subject is not None and plan.steps[step.subject.instances[0]].role not in RESPONDERS
    return verdicts if step.role is Role.CRITIC and reviews_critic else verdicts + 1  # a critique, or the override


def _most_calls(plan: Plan) -> int:
    """From the last step to the first: the dearest way on, or every branch up to where a fan-out joins again."""
    nodes = [*(step.index for step in plan.steps), *Sink]
    branches = Branches(nodes, [(edge.source, edge.target) for edge in plan.edges])
    cost = {step.index: calls_of(plan, step) for step in plan.steps}
    most: dict[Any, int] = dict.fromkeys(branches.order, 0)
    for step in reversed(plan.steps):
        ways = [plan.edges[i] for i in step.outs]
        dearest = max((most[way.target] for way in ways), default=0)
        forks = list(dict.fromkeys(way.target for way in ways if way.kind == "declared"))
        if step.step.route == "fan_out" and len(forks) > 1:
            join = branches.join(forks)
            dearest = max(dearest, most[join] + sum(cost.get(node, 0) for node in branches.between(forks, join)))
        most[step.index] = cost[step.index] + dearest
    return sum(most[step.index] for step in plan.steps if not step.ins)
