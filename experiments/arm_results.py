"""What an arm did, as the report shows it: outcomes, misses, cost, and the graph drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.records import Case
from agents.vocabulary import CaseOutcome
from constitutions.constitution import Constitution
from experiments.report.picture import drawn_graph
from experiments.results import ArmResult
from experiments.scoring import mark_final, mark_first, unchanged
from experiments.statistics import proportion
from hierarchy.block import Block
from hierarchy.records import audits, total


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
    nodes, edges = drawn_graph(graph)
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
        nodes=nodes,
        edges=edges,
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
