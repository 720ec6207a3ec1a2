"""Money and time of a case, against sums and longest paths by hand."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from agents.columns import Output
from agents.vocabulary import Role
from experiments.metrics.cost import Price, PriceTable, case_costs
from experiments.metrics.latency import critical_path
from hierarchy.block import Block
from hierarchy.topology import load_graph
from tests.hierarchy.graphs import compiled, simulate

SECONDS = {Role.BASE: 2.0, Role.CRITIC: 1.5, Role.REVISER: 3.0, Role.JUDGE: 0.5, Role.SAFETY: 0.25}


def run(name: str, n: int = 300, **spec: object) -> Block:
    return simulate(compiled(load_graph(name)), n, **{"propensity": 0.3, "false_alarm": 0.1, **spec})


@pytest.mark.parametrize("name", ["single", "panel", "layers", "cascade"])
def test_the_critical_path_is_the_longest_path_over_what_ran(name: str) -> None:
    block = run(name)
    found = critical_path(block, SECONDS)
    for n in range(0, 300, 7):
        graph = nx.DiGraph()
        for index, edge in enumerate(block.plan.edges):
            if block.fired[index, n]:
                seconds = SECONDS.get(block.plan.steps[edge.source].role, 0.0)
                graph.add_edge(edge.source, edge.target, seconds=seconds)
        for step in block.plan.steps:  # a step that nothing left adds its own time
            if block.ran[step.index, n] and not graph.out_degree(step.index):
                graph.add_edge(step.index, f"end {step.index}", seconds=SECONDS.get(step.role, 0.0))
        assert found[n] == pytest.approx(nx.dag_longest_path_length(graph, weight="seconds"))


def test_parallel_critics_overlap_and_a_chain_adds_up() -> None:
    panel = run("panel", propensity=0.0, false_alarm=0.0)
    assert critical_path(panel, SECONDS) == pytest.approx(np.full(300, 3.5))  # one answer, then critics side by side


JOINS = """
steps:
  - {id: d, role: base, agent: base, route: fan_out}
  - {id: s, role: safety, agent: monitor}
  - {id: c, role: critic, agent: critic, route: fan_out}
  - {id: e, role: consensus, members: [s, c], rule: {kind: majority}, join: JOIN}
edges:
  - {from: d, to: [s, c, e]}
  - {from: s, to: e}
  - {from: c, to: e}
  - {from: e, to: release}
"""


@pytest.mark.parametrize(("join", "seconds"), [("all", 5.0), ("any", 3.5), ("2", 3.75), ("3", 5.0)])
def test_a_step_starts_when_enough_has_arrived(join: str, seconds: float) -> None:
    """Arrivals at 2, 2.25 and 3.5 seconds, then 1.5 of its own; the slower branch may still be under way."""
    block = simulate(compiled(JOINS.replace("JOIN", join)), 20, propensity=0.0, false_alarm=0.0)
    seen = critical_path(block, SECONDS | {Role.CONSENSUS: 1.5})
    assert seen == pytest.approx(np.full(20, max(seconds, 3.5)))


def test_auditors_take_their_minutes() -> None:
    block = run("single")
    human = next(step for step in block.plan.steps if step.role is Role.AUDITOR)
    before = critical_path(block, SECONDS)
    rows = np.flatnonzero(block.parked == human.index)[:5]
    assert len(rows)
    width = block.width(human)
    decision = Output.of(Role.AUDITOR, len(rows), width, verdict=np.ones(len(rows)), minutes=np.full(len(rows), 3.0))
    block.record(human, rows, decision)
    assert critical_path(block, SECONDS)[rows] == pytest.approx(before[rows] + 180.0)
    assert case_costs(block, PriceTable(human_minute=0.5, default=Price())).cost_N[rows] == pytest.approx(1.5)


def test_costs_are_calls_and_tokens_by_the_table() -> None:
    block = run("panel")
    prices = PriceTable(default=Price(per_call=0.01), agents={"base": Price(per_call=1.0), "judge": Price(per_call=0)})
    expected = np.zeros(300)
    for step in block.plan.steps:
        if step.role not in (Role.AUDITOR, Role.CONSENSUS):
            rate = {"base": 1.0, "judge": 0.0}.get(str(step.step.agent), 0.01)
            expected += rate * np.where(block.ran[step.index], block.said(step.index)["calls"], 0)
    found = case_costs(block, prices)
    assert found.cost_N == pytest.approx(expected)
    assert found.unpriced == ()


def test_tokens_read_and_written_have_their_own_price() -> None:
    block = run("single", n=4, propensity=0.0, false_alarm=0.0)
    for index, (tokens, written) in enumerate([(120, 20), (700, 50)]):
        said = block.said(index)
        said["tokens"][:], said["written"][:] = tokens, written
    prices = PriceTable(default=Price(per_1k_prompt=2.0, per_1k_completion=10.0))
    assert case_costs(block, prices).cost_N == pytest.approx(np.full(4, (100 + 650) * 0.002 + 70 * 0.01))


def test_what_has_no_price_is_named_and_not_free() -> None:
    block = run("panel")
    assert set(case_costs(block, PriceTable(agents={"base": Price(per_call=1)})).unpriced) >= {"critic_a", "judge"}
    assert "base" not in case_costs(block, PriceTable(agents={"base": Price(per_call=1)})).unpriced
    by_tokens = case_costs(block, PriceTable(default=Price(per_1k_prompt=1.0)))  # simulated models count no tokens
    assert set(by_tokens.unpriced) >= {"base", "critic_a"}
