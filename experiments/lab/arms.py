"""The arms of a comparison: graphs that are named, or those of a config."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from constitutions.errors import InputError
from experiments.config import ExperimentSpec
from experiments.prepare import compile_arm, prepare_arms, resolve_agents
from hierarchy.arm import Arm
from hierarchy.topology import named_graph

DEFAULT = Path(__file__).parents[1] / "configs" / "lab.yaml"


def named_arms(spec: ExperimentSpec, graphs: Sequence[str]) -> list[Arm]:
    """An arm per graph, `NAME` or `NAME:key=value,key=value`, with the config's agents."""
    if len(set(graphs)) < len(graphs):
        raise InputError(f"compare: {', '.join(graphs)}: every graph once, with other parameters where it is the same")
    agents = resolve_agents(spec, spec.agents)
    return [compile_arm(spec, text, named_graph(text), agents) for text in graphs]


def arms_of(spec: ExperimentSpec, graphs: Sequence[str]) -> list[Arm]:
    """The arms of a comparison: of the graphs named, the config's own where none is."""
    return named_arms(spec, graphs) if graphs else prepare_arms(spec)


def pairs_of(spec: ExperimentSpec, graphs: Sequence[str], arms: Sequence[Arm], metric: str) -> list[tuple[str, str]]:
    """The pairs that the config names in advance for this metric; all of them where it names none, or where graphs
    were named."""
    planned = [] if graphs else [(c.a, c.b) for c in spec.compare if c.metric == metric]
    return planned or list(combinations([arm.name for arm in arms], 2))
