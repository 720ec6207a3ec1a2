"""Many graphs with few cases each, building included, against the same passes on graphs that are built already."""

from __future__ import annotations

import time
from typing import Any

from agents.simulated.lanes import keep_memory
from agents.spec import AgentSpec
from benchmarks.engine import PERSON
from benchmarks.graphs import AGENTS
from constitutions.constitution import load_constitution
from experiments.lab.tally import Tally
from hierarchy.arm import Arm
from hierarchy.builders import build
from hierarchy.compile import compile_graph
from hierarchy.latent.auditor import Auditor
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.crew import latent_crew
from hierarchy.oversee import oversee

CASES = 20_000


def _arm(seed: int) -> Arm:
    graph = build("random_dag", seed=seed)
    names = {step.agent for step in graph.steps if step.agent and step.agent != "auditor"}
    agents: dict[str, AgentSpec] = {str(name): AGENTS.get(str(name), AGENTS["a"]) for name in names}
    plan = compile_graph(graph, {*agents, "auditor"}, lambda name: load_constitution(name or "general"))
    return Arm(graph.name, plan, agents, 1)


def _pass(arm: Arm) -> int:
    crew = latent_crew(arm, Auditor(arm.plan.places, arm.seed, PERSON))
    block, tally = LatentBlock(LatentCases.numbered(0, CASES), arm.plan), Tally()
    oversee(block, arm.plan, crew)
    tally.count(block)
    return tally.n


def measure(graphs: int = 1000, chunk: int = 50) -> dict[str, Any]:
    """Throughput of building and passing over that of passing alone; in turns, a chunk of graphs at a time."""
    keep_memory()
    _pass(_arm(0))
    whole = plain = 0.0
    for first in range(0, graphs, chunk):
        start = time.process_time()
        built = []
        for seed in range(first, first + chunk):
            built.append(_arm(seed))
            _pass(built[-1])
        middle = time.process_time()
        for arm in built:
            _pass(arm)
        whole, plain = whole + middle - start, plain + time.process_time() - middle
    return {"graphs": graphs, "ratio": plain / whole, "cases_per_second": graphs * CASES / whole}
