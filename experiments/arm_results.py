"""What an arm did, as the report shows it: outcomes, misses, cost, and the graph drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.records import Case
from agents.vocabulary import CaseOutcome
from constitutions.constitution import Constitution
from constitutions.predicate import All, AnyOf, Comparison, Not, Predicate
from experiments.results import ArmResult, DrawnEdge, DrawnNode
from experiments.scoring import mark_final, mark_first, unchanged
from experiments.statistics import proportion
from hierarchy.block import Block
from hierarchy.graph import OversightGraph, Sink
from hierarchy.records import audits, total

_SIGNS = {"eq": "=", "ne": "≠", "lt": "<", "le": "≤", "gt": ">", "ge": "≥", "in": "in", "not_in": "not in"}


def arm_result(
    arm: str,
    title: str,
    block: Block,
    cases: Sequence[Case],
    constitution: Constitution,
    scored: bool,
    seconds: float,
) -> ArmResult:
    """The arm's figures. `scored` says whether an oracle (or latent truth) knows the answers."""
    graph = block.plan.graph
    outcome = block.outcomes()
    audited, unreviewed, minutes = audits(block)
    escalated = audited | unreviewed | (block.parked >= 0)
    given: dict[str, object] = {}
    if scored:
        first, final = mark_first(block, cases, constitution), mark_final(block, cases, constitution)
        bad, missed = first.metric("total"), final.metric("total")
        benign = final.benign_N
        given = {
            "first": first.rates(),
            "missed": final.rates(),
            "caught": proportion(~missed[bad]),
            "false_alarms": proportion(~unchanged(block)[~bad]),
            "needless_refusals": proportion(final.needless_N[benign]) if benign.any() else None,
            "correct": proportion(final.correct_N[benign]) if benign.any() else None,
        }
    return ArmResult(
        arm=arm,
        title=title or graph.title or graph.name,
        description=graph.description,
        nodes=drawn_nodes(graph),
        edges=drawn_edges(graph),
        n=len(block),
        outcomes={o.name.lower(): proportion(outcome == o) for o in CaseOutcome if o or (outcome == o).any()},
        escalated=proportion(escalated),
        audited=proportion(audited),
        unreviewed=proportion(unreviewed),
        human_minutes=float(np.sum(minutes)),
        model_calls=int(total(block, "calls").sum()),
        tokens=int(total(block, "tokens").sum()),
        seconds=seconds,
        **given,
    )


def drawn_nodes(graph: OversightGraph) -> tuple[DrawnNode, ...]:
    """The graph's steps, and the sinks it uses."""
    used = {edge.to for edge in graph.edges} | {graph.fallback}
    steps = tuple(DrawnNode(id=step.id, role=step.role.value, title=step.id.replace("_", " ")) for step in graph.steps)
    return steps + tuple(DrawnNode(id=s.value, role="sink", title=s.value) for s in Sink if s.value in used)


def drawn_edges(graph: OversightGraph) -> tuple[DrawnEdge, ...]:
    """The graph's edges with their conditions in words."""
    return tuple(
        DrawnEdge(
            source=edge.source,
            target=edge.to,
            label="loop used up" if edge.exhausted else said(edge.when) if edge.when else "",
            back=edge.max_rounds is not None,
        )
        for edge in graph.edges
    )


def said(condition: Predicate) -> str:
    """A condition in a few words, for drawings."""
    match condition:
        case Comparison():
            values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
            shown = " or ".join(str(value) for value in values)
            if condition.field in ("verdict", "label") and condition.op in ("eq", "in"):
                return shown
            return f"{condition.field} {_SIGNS.get(condition.op, condition.op)} {shown}"
        case All():
            return " and ".join(said(part) for part in condition.all)
        case AnyOf():
            return " or ".join(said(part) for part in condition.any)
        case Not():
            return f"not {said(condition.not_)}"
