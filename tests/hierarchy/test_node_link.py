"""Graphs in networkx's node-link JSON: there and back, and what is said of a faulty file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitutions.errors import InputError
from hierarchy.builders import BUILDERS, build
from hierarchy.graph import OversightGraph
from hierarchy.node_link import from_node_link, to_node_link
from hierarchy.topology import load_graph, named_graph, shipped

EVERY = [*(load_graph(name) for name in shipped()), *map(build, BUILDERS)]


def through_networkx(document: dict[str, Any], edges: str) -> dict[str, Any]:
    """Read and written by networkx, under either of its names for edges."""
    drawn = nx.node_link_graph(document, edges="edges")
    written: dict[str, Any] = nx.node_link_data(drawn, edges=edges)
    return written


@pytest.mark.parametrize("graph", EVERY, ids=lambda graph: graph.name)
def test_every_graph_comes_back_from_json_as_it_was(graph: OversightGraph, tmp_path: Path) -> None:
    document = json.loads(json.dumps(to_node_link(graph)))
    assert from_node_link(document) == graph
    for edges in ("edges", "links"):
        path = tmp_path / f"{edges}.json"
        path.write_text(json.dumps(through_networkx(document, edges)))
        assert load_graph(str(path)) == graph


@given(st.integers(0, 10_000), st.integers(1, 12), st.sampled_from([0.0, 0.3, 0.8]), st.text(max_size=30))
@settings(max_examples=60)
def test_random_graphs_with_any_words_come_back(seed: int, nodes: int, probability: float, words: str) -> None:
    graph = build("random_dag", seed=seed, nodes=nodes, probability=probability)
    graph = graph.model_copy(update={"description": words, "refusal": words, "labels": ("a", words)})
    document = json.loads(json.dumps(to_node_link(graph)))
    assert from_node_link(document) == graph
    assert from_node_link(through_networkx(document, "links")) == graph


def test_a_graph_made_in_networkx_needs_no_order(tmp_path: Path) -> None:
    drawn: nx.DiGraph[str] = nx.DiGraph(fallback="refuse")
    drawn.add_node("draft", role="base", agent="base")
    drawn.add_node("critic", role="critic", agent="critic", reads=["draft"])
    drawn.add_edge("draft", "critic")
    drawn.add_edge("critic", "release", when={"field": "verdict", "op": "eq", "value": "accept"})
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(nx.node_link_data(drawn, edges="links")))
    graph = load_graph("mine.json", beside=tmp_path)
    assert (graph.name, graph.fallback) == ("mine", "refuse")
    assert [(edge.source, edge.to) for edge in graph.edges] == [("draft", "critic"), ("critic", "release")]


def test_keys_of_a_file_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(to_node_link(build("single"))))
    graph = load_graph(str(path), overrides=["edges.4.max_rounds=3", "name=longer"])
    assert (graph.name, graph.edges[4].max_rounds) == ("longer", 3)


def test_json_may_also_have_our_own_keys(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text(build("panel").model_dump_json(by_alias=True))
    assert load_graph(str(path)) == build("panel")


NODE = {"id": "draft", "role": "base", "agent": "base"}
EDGE = {"source": "draft", "target": "release"}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"nodes": [NODE]}, "edges (or links): expected a list"),
        ({"nodes": NODE, "links": []}, "nodes: expected a list"),
        ({"nodes": [{"id": 3}], "edges": []}, "nodes[0]: expected a mapping with id, which are text"),
        ({"nodes": [NODE], "links": [{"source": "a"}]}, "links[0]: expected a mapping with source and target"),
        ({"nodes": [NODE | {"role": "boss"}], "edges": [EDGE]}, "node 'draft': steps[0].role: 'boss' is not accepted"),
        ({"nodes": [NODE | {"colour": "red"}], "edges": [EDGE]}, "node 'draft': steps[0]: unknown key 'colour'"),
        ({"nodes": [NODE], "edges": [EDGE | {"max_rounds": 0}]}, "edge 'draft' -> 'release': edges[0].max_rounds: 0"),
        ({"nodes": [NODE], "edges": [EDGE | {"order": "first"}]}, "order: 'first' is not accepted; expected a whole"),
        ({"nodes": [NODE, {"id": "release", "role": "base"}], "edges": [EDGE]}, "is an outcome and has no 'role'"),
        ({"directed": False, "nodes": [NODE], "edges": [EDGE]}, "expected a directed graph"),
        ({"graph": [], "nodes": [NODE], "edges": [EDGE], "directed": True}, None),
        ({"graph": "x", "nodes": [NODE], "edges": [EDGE]}, "graph: expected a mapping"),
        ({"vertices": []}, "expected networkx node-link JSON"),
        ([], "expected networkx node-link JSON"),
    ],
)
def test_a_faulty_document_is_answered_in_one_line(document: Any, words: str | None, tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(document))
    if words is None:
        assert load_graph(str(path)).name == "graph"
        return
    with pytest.raises(InputError) as caught:
        load_graph(str(path))
    message = str(caught.value)
    assert message.startswith(str(path))
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"nodes": [', ":1: not valid JSON"),
        ('{"nodes": NaN}', "NaN is not accepted in JSON"),
        ("", "not valid JSON"),
        ('{"nodes": [], "nodes": []}', "'nodes' is given twice"),
    ],
)
def test_text_that_is_not_json(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        load_graph(str(path))


def test_names_of_topologies_are_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no such file; give a YAML or JSON file, or one of .*did you mean 'ladder'"):
        load_graph("laddr")
    assert load_graph("ladder") == build("ladder")
    assert load_graph("single", overrides=["rounds=2"]) == build("single", rounds=2)


def test_a_command_names_parameters_behind_a_colon() -> None:
    assert named_graph("tree:depth=2,branching=2") == build("tree", depth=2, branching=2)
    assert named_graph("panel:critics=[critic_a,critic_b],size=2") == build(
        "panel", critics=("critic_a", "critic_b"), size=2
    )
    assert named_graph("tree:depth=2", ["branching=2"]) == build("tree", depth=2, branching=2)
    with pytest.raises(InputError, match="size: 0 is not accepted"):
        named_graph("panel:size=0")
