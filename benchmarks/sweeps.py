"""Many graphs with few cases each, building included, against the same passes on graphs that are built already."""

from __future__ import annotations

import statistics
import time
from typing import Any

from agents.spec import AgentSpec
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
    crew = latent_crew(arm, Auditor(arm.plan.places, arm.seed))
    block, tally = LatentBlock(LatentCases.numbered(0, CASES), arm.plan), Tally()
    oversee(block, arm.plan, crew)
    tally.add(block)
    return tally.n


def measure(graphs: int = 100, pairs: int = 3) -> dict[str, Any]:
    """Throughput of building and passing over that of passing alone, medians over interleaved pairs."""
    for seed in range(3):
        _pass(_arm(seed))
    ratios, speeds = [], []
    for _ in range(pairs):
        start = time.perf_counter()
        built = []
        for seed in range(graphs):
            built.append(_arm(seed))
            _pass(built[-1])
        middle = time.perf_counter()
        for arm in built:
            _pass(arm)
        end = time.perf_counter()
        ratios.append((end - middle) / (middle - start))
        speeds.append(graphs * CASES / (middle - start))
    return {"graphs": graphs, "ratio": statistics.median(ratios), "cases_per_second": statistics.median(speeds)}
