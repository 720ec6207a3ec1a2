"""Graphs are drawn whole, without overlaps, and with text as text."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from constitutions.predicate import All, Comparison, Not
from experiments.report.drawing import ROLE_COLOURS, DrawnEdge, DrawnNode, draw_graph
from experiments.report.layout import Link, back_links, lay_out
from experiments.report.picture import drawn_graph, in_words
from hierarchy.graph import OversightGraph

TOPOLOGIES = sorted((Path(__file__).parents[2] / "hierarchy" / "topologies").glob("*.yaml"))
LOOP = {"base": 90.0, "critic": 120.0, "reviser": 90.0, "release": 80.0, "refuse": 80.0}
LOOP_LINKS = [
    Link("base", "critic"),
    Link("critic", "release", 60, 14),
    Link("critic", "reviser", 60, 14),
    Link("reviser", "critic", 50, 14),
    Link("critic", "refuse", 90, 28),
]


def _apart(one, two):
    return abs(one.x - two.x) >= (one.width + two.width) / 2 or abs(one.y - two.y) >= (one.height + two.height) / 2


def test_the_edge_that_closes_a_loop_goes_back_and_all_others_go_down():
    layout = lay_out(LOOP, LOOP_LINKS)
    assert back_links(list(LOOP), LOOP_LINKS) == {3}
    for link, route in zip(LOOP_LINKS, layout.routes, strict=True):
        down = layout.boxes[link.source].y < layout.boxes[link.target].y
        assert down is not route.back
        heights = [y for _, y in route.points]
        assert heights == sorted(heights, reverse=route.back)


def test_outcomes_end_side_by_side_at_the_bottom():
    boxes = lay_out(LOOP, LOOP_LINKS).boxes
    assert boxes["release"].y == boxes["refuse"].y > boxes["reviser"].y


def test_nodes_and_labels_do_not_overlap_and_lie_within_the_picture():
    layout = lay_out(LOOP, LOOP_LINKS)
    assert all(_apart(a, b) for a, b in combinations(layout.boxes.values(), 2))
    labels = [(r.label, link) for r, link in zip(layout.routes, LOOP_LINKS, strict=True) if link.label_width]
    for (one, a), (two, b) in combinations(labels, 2):
        wide, high = (a.label_width + b.label_width) / 2, (a.label_height + b.label_height) / 2
        assert abs(one[0] - two[0]) >= wide or abs(one[1] - two[1]) >= high
    for (x, y), link in labels:
        assert layout.left <= x - link.label_width / 2
        assert x + link.label_width / 2 <= layout.left + layout.width
        assert 0 <= y <= layout.height


def test_a_tangle_of_cycles_and_self_loops_is_still_drawn():
    nodes = dict.fromkeys("abcd", 80.0)
    links = [Link(a, b) for a in nodes for b in nodes]
    layout = lay_out(nodes, links)
    assert len(layout.routes) == 16
    assert all(_apart(a, b) for a, b in combinations(layout.boxes.values(), 2))


def test_an_unreached_cycle_and_a_lone_node_are_drawn_too():
    layout = lay_out({"x": 80.0, "y": 80.0, "alone": 80.0}, [Link("x", "y"), Link("y", "x")])
    assert [route.back for route in layout.routes] == [False, True]


def test_an_empty_graph_has_an_empty_picture():
    assert ElementTree.fromstring(draw_graph([], [])).tag.endswith("svg")


@pytest.mark.parametrize("path", TOPOLOGIES, ids=lambda path: path.stem)
def test_shipped_topologies_are_drawn_with_every_step_and_a_legend(path):
    graph = OversightGraph.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    nodes, edges = drawn_graph(graph)
    svg = draw_graph(nodes, edges, graph.name)
    root = ElementTree.fromstring(svg)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text") if element.text]
    for node in nodes:
        assert any(node.id in text for text in texts)
    assert len([1 for e in root.iter() if e.get("class", "").startswith("edge") and e.tag.endswith("path")]) == len(
        edges
    )
    assert sum(e.get("class") == "legend" for e in root.iter()) == len({node.role for node in nodes})
    assert {e.source for e in edges if e.source == "prompt"} == {"prompt"}


def test_the_legend_names_each_role_once():
    nodes = [DrawnNode(id=f"{role}{i}", role=role, title=role) for role in ROLE_COLOURS for i in range(2)]
    root = ElementTree.fromstring(draw_graph(nodes, []))
    assert sum(e.get("class") == "legend" for e in root.iter()) == len(ROLE_COLOURS)


def test_text_is_escaped_and_unseen_characters_are_shown():
    bad = "</svg><script>1</script>\u202e"
    nodes = [DrawnNode(id="a", role="base", title=bad), DrawnNode(id="b", role="no such role", title="b")]
    svg = draw_graph(nodes, [DrawnEdge(source="a", target="b", label=bad)], bad)
    root = ElementTree.fromstring(svg)
    assert not [e for e in root.iter() if e.tag.endswith("script")]
    assert "\u202e" not in svg


def test_nothing_is_fetched_from_elsewhere():
    svg = draw_graph([DrawnNode(id="a", role="base", title="a")], [])
    assert re.findall(r"https?://[^\"' ]+", svg) == ["http://www.w3.org/2000/svg"]
    assert set(re.findall(r"url\(([^)]*)\)", svg)) <= {"#og-arrow"}


def test_an_edge_to_nowhere_is_refused():
    with pytest.raises(ValueError, match="a -> b names a node"):
        draw_graph([DrawnNode(id="a", role="base", title="a")], [DrawnEdge(source="a", target="b")])


def test_conditions_in_words():
    verdict = Comparison(field="verdict", op="in", value=("revise", "escalate"))
    severe = Comparison(field="severity", op="ge", value=0.5)
    tagged = Comparison(field="tags", op="contains", value="override")
    missing = Comparison(field="missing", op="eq", value=True)
    assert in_words(verdict) == "revise or escalate"
    assert in_words(All(all=(severe, Not(not_=tagged)))) == "severity ≥ 0.5 and not tags has override"
    assert in_words(missing) == "missing"
    assert in_words(Comparison(field="missing", op="eq", value=False)) == "not missing"
