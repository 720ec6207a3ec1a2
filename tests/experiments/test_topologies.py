"""`oversight topology`, the page about the builders, and builders named in a config."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from constitutions.errors import InputError
from experiments.config import load_experiment
from experiments.prepare import arm_graph, prepare_arms
from experiments.topologies.commands import as_lines, as_svg, check_command, draw_command, first_sentence, list_command
from experiments.topologies.docs import pages
from hierarchy.builders import BUILDERS, build, parameters
from hierarchy.graph import OversightGraph
from hierarchy.node_link import to_node_link
from hierarchy.topology import load_graph, shipped
from tests.experiments.commands import CONFIGS, PROJECT, invoke, oversight

SIMULATED = CONFIGS / "simulated.yaml"


def test_the_list_names_every_builder_parameter_and_default(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    list_command()
    printed = capsys.readouterr().out
    for name, family in BUILDERS.items():
        assert name in printed
        assert all(f"{one.name}=" in printed for one in parameters(family))
    assert "depth=2 (1 to 5)" in printed
    assert "percent" not in first_sentence("A. b percent.")


def test_text_drawings_tell_what_every_step_sees_and_where_it_leads() -> None:
    drawn = as_lines(build("debate", rounds=1))
    assert "defence_1      critic critic_b, for the defence, reads prosecution_1" in drawn
    assert "-> release: accept" in drawn
    assert drawn.endswith("whatever finds no way on -> human")
    assert "critic: at most 3 times" in as_lines(build("single", rounds=3))
    assert "budget" in as_lines(build("trusted_monitoring"))
    assert "on critic_1" in as_lines(build("critic_of_critic"))


@pytest.mark.parametrize("name", [*BUILDERS, *shipped()])
def test_an_svg_is_written_with_every_step(name: str, tmp_path: Path) -> None:
    draw_command(name, [], tmp_path / "graph.svg")
    root = ElementTree.fromstring((tmp_path / "graph.svg").read_text())
    words = " ".join(root.itertext())
    assert all(step.id in words for step in load_graph(name).steps)


def test_a_drawing_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--out .*graph\.svg: cannot be written"):
        draw_command("single", [], tmp_path / "nowhere" / "graph.svg")


def test_checking_prints_the_size(capsys: pytest.CaptureFixture[str]) -> None:
    check_command("ladder", ["steps=4"], "general")
    printed = capsys.readouterr().out
    assert re.search(r"^steps +8$", printed, re.MULTILINE)
    assert re.search(r"^model calls per case, at most +\d+$", printed, re.MULTILINE)


def test_commands_answer_as_a_user_meets_them(tmp_path: Path) -> None:
    graph = tmp_path / "mine.json"
    graph.write_text(json.dumps(to_node_link(build("cascade"))))
    assert "longest path" in oversight("topology", "check", graph).stdout
    refused = invoke("topology", "check", "tree", sets=["depth=9"], expect=2)
    assert refused.stderr == "oversight: --set depth=9: depth: 9 is not accepted; expected a number from 1 to 5\n"
    broken = json.loads(graph.read_text())
    broken["edges"][0]["target"] = "nowhere"
    graph.write_text(json.dumps(broken))
    refused = invoke("topology", "check", graph, expect=2)
    assert "'nowhere' does not exist; accepted: " in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_the_page_about_topologies_is_what_the_builders_say() -> None:
    """If this fails: `oversight topology docs docs`."""
    for name, text in pages().items():
        assert (PROJECT / "docs" / name).read_text(encoding="utf-8") == text, name
    assert {path.stem for path in (PROJECT / "docs" / "topologies").iterdir()} == set(BUILDERS)


def test_the_page_has_each_builders_paragraph_drawing_and_parameters() -> None:
    page = pages()["topologies.md"]
    for name, family in BUILDERS.items():
        assert family.about in page
        assert f"(topologies/{name}.svg)" in page
        assert all(f"`{one.name}`" in page for one in parameters(family))


def graph_of(*sets: str) -> OversightGraph:
    """The graph of arm `x` in the simulated config."""
    return arm_graph(load_experiment(SIMULATED, sets).arms["x"])


def test_an_arm_names_a_builder_with_parameters_and_the_command_line_changes_them() -> None:
    tree = "arms.x.graph={builder: tree, branching: 2, depth: 1}"
    assert graph_of(tree) == build("tree", branching=2, depth=1)
    assert graph_of(tree, "arms.x.graph.depth=3") == build("tree", branching=2, depth=3)
    assert graph_of("arms.x.graph=debate") == build("debate")
    assert graph_of("arms.x.graph=layers") == load_graph("layers")


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (["arms.x.graph={builder: tree, depth: 9}"], "arms.x.graph.depth: 9 is not accepted; expected a number from 1"),
        (["arms.x.graph={builder: tree}", "arms.x.graph.depht=1"], "unknown key 'depht'; accepted: builder, base,"),
        (["arms.x.graph={builder: trie}"], "'trie' is not accepted; expected one of 'single'"),
        (["arms.x.graph={builder: tree}", "arms.x.graph.branching=9", "arms.x.graph.depth=4"], "gives 7381 reviewers"),
        (["arms.x.graph={name: a, stepz: []}"], "arms.x.graph"),
        (["arms.x.graph=layerz"], "did you mean 'layers'"),
        (["arms.x.graph={builder: defer_to_trusted}"], "`agent`: 'trusted' does not exist"),
    ],
)
def test_a_faulty_builder_in_a_config_is_one_line_that_names_the_key(sets: list[str], words: str) -> None:
    with pytest.raises(InputError) as caught:
        prepare_arms(load_experiment(SIMULATED, sets))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_key_of_a_written_out_graph_is_answered_with_a_graphs_keys() -> None:
    draft = "{id: draft, role: base, agent: base}"
    written = f"arms.x.graph={{name: a, steps: [{draft}], edges: [], stepz: 1}}"
    with pytest.raises(InputError) as caught:
        load_experiment(SIMULATED, [written])
    assert "unknown key 'stepz'; accepted: name, title, description, steps, edges" in str(caught.value)
    assert "builder" not in str(caught.value).split("accepted:")[1]


def test_a_run_with_builders_as_arms(tmp_path: Path) -> None:
    arms = (
        "arms={audited: {graph: {builder: trusted_monitoring, budget: 10, window: 50}}, "
        "ladder: {graph: {builder: ladder, steps: 2, on_flag: human}}}"
    )
    run = tmp_path / "run"
    invoke("run", SIMULATED, "--out", run, sets=[arms, "dataset.size=200", "compare=[]", "auditor.budget=500"])
    audited, _ = json.loads((run / "results.json").read_text())["arms"]
    assert audited["escalated"]["count"] == 20
    assert audited["audited"]["count"] == 20
    assert "svg" in (run / "report.html").read_text()


def test_drawings_escape_what_a_file_says() -> None:
    hostile = build("single").model_copy(update={"title": "<script>alert(1)</script>\u202e"})
    assert "<script>" not in as_svg(hostile)
    assert "\u202e" not in as_lines(hostile)
