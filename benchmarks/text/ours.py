"""This program's own way: an executor fills the journal, the records are read back from it and written as Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from agents.records import Case
from agents.spec import AgentSpec, ScriptedSpec
from agents.view import Cases
from benchmarks.text.script import constitution
from hierarchy.arm import Arm
from hierarchy.compile import compile_graph
from hierarchy.executor import LocalShards, Writer, read_back
from hierarchy.graph import OversightGraph
from hierarchy.journal import Journal
from hierarchy.records import case_table, tables, write_parquet

GRAPH = """
name: text
steps:
  - {id: draft, role: base, agent: base}
  - {id: a, role: critic, agent: a}
  - {id: b, role: critic, agent: b}
  - {id: c, role: critic, agent: c}
  - {id: judge, role: critic, agent: judge, reads: [a, b, c]}
  - {id: revise, role: reviser, agent: base}
edges:
  - {from: draft, to: a}
  - {from: a, to: b}
  - {from: b, to: c}
  - {from: c, to: judge}
  - {from: judge, to: release, when: {field: verdict, op: eq, value: accept}}
  - {from: judge, to: revise, when: {field: verdict, op: eq, value: revise}}
  - {from: revise, to: release}
"""


def text_arm(listening: bool = False) -> Arm:
    """The graph with scripted agents; `listening` ones keep every question they are asked."""

    def spec(**named: str) -> AgentSpec:
        prefix = "benchmarks.text.script:" + ("heard_" if listening else "")
        return AgentSpec(model=ScriptedSpec(**{use: prefix + name for use, name in named.items()}), critique=False)

    agents = {"base": spec(generate="answer"), "judge": spec(score="halve"), **{x: spec(score="accept") for x in "abc"}}
    graph = OversightGraph.model_validate(yaml.safe_load(GRAPH))
    return Arm(graph.name, compile_graph(graph, set(agents), lambda name: constitution()), agents, 1)


def oversee_text(cases: Sequence[Case], folder: Path, arm: Arm, block: int = 16_384) -> None:
    """Every case through the graph: journal and Parquet in the folder."""
    columns = Cases.of(cases)
    with Journal.open(folder / "journal.sqlite") as journal:
        LocalShards(block).run(arm, columns, Writer(journal, lambda ended: None))
        done = read_back(arm, columns, journal)
    visible, hidden = tables(arm.name, done)
    for name, table in (("visible", visible), ("hidden", hidden), ("cases", case_table(arm.name, done))):
        write_parquet(table, folder / f"{name}.parquet")
