from __future__ import annotations

import pytest
from pydantic import ValidationError

from constitutions.errors import InputError
from hierarchy.graph import OversightGraph
from hierarchy.topology import load_graph, shipped
from tests.hierarchy.graphs import compiled, graph

DRAFT = "{id: draft, role: base, agent: base}"
FAN = "{id: draft, role: base, agent: base, route: fan_out}"
CRITIC = "{id: critic, role: critic, agent: critic}"
REVISE = "{id: revise, role: reviser, agent: base}"
HUMAN = "{id: human, role: auditor, agent: auditor}"
A = "{id: a, role: critic, agent: critic_a}"
B = "{id: b, role: critic, agent: critic_b}"
VOTE = "{id: vote, role: consensus, members: [a, b], rule: {kind: majority}}"


def text(steps: list[str], edges: list[str]) -> str:
    lines = ["steps:", *(f"  - {step}" for step in steps), "edges:", *(f"  - {edge}" for edge in edges)]
    return "\n".join(lines) + "\n"


def refused(steps: list[str], edges: list[str], *words: str, **given: object) -> str:
    """The graph does not compile; the message is one line that names the graph and has all the words."""
    with pytest.raises(InputError) as caught:
        compiled(text(steps, edges), **given)
    message = str(caught.value)
    assert "\n" not in message
    for word in ("graph 'g'", *words):
        assert word in message
    return message


CHECKED = ["{from: draft, to: critic}", "{from: critic, to: release, when: {field: verdict, op: eq, value: accept}}"]


@pytest.mark.parametrize("name", shipped())
def test_shipped_topologies_compile(name: str) -> None:
    plan = compiled(load_graph(name))
    assert [step.index for step in plan.steps] == list(range(len(plan.steps)))
    assert all(isinstance(e.target, str) or e.target > e.source for e in plan.edges)


def test_a_graph_in_python_is_the_graph_in_yaml() -> None:
    by_hand = graph(text([DRAFT, CRITIC], CHECKED))
    assert OversightGraph.model_validate(by_hand.model_dump(by_alias=True)) == by_hand
    assert compiled(by_hand) == compiled(text([DRAFT, CRITIC], CHECKED))


def test_several_targets_are_several_edges() -> None:
    plan = graph(text([FAN, A, B, VOTE], ["{from: draft, to: [a, b]}", "{from: a, to: vote}"]))
    assert [(e.source, e.to) for e in plan.edges] == [("draft", "a"), ("draft", "b"), ("a", "vote")]


def test_duplicate_ids() -> None:
    refused([DRAFT, CRITIC, CRITIC], CHECKED, "'critic'", "2 times", "unique")


@pytest.mark.parametrize("name", ["release", "refuse", "redirect", "response"])
def test_reserved_ids(name: str) -> None:
    refused([DRAFT, f"{{id: {name}, role: critic, agent: critic}}"], [f"{{from: draft, to: {name}}}"], name, "reserved")


def test_unknown_agent() -> None:
    refused([DRAFT, "{id: critic, role: critic, agent: nobody}"], CHECKED, "'critic'", "'nobody'", "accepted: ", "base")


@pytest.mark.parametrize(
    ("edge", "words"),
    [
        ("{from: draft, to: nowhere}", ("'draft'", "`to`", "'nowhere'", "release")),
        ("{from: nowhere, to: critic}", ("`from`", "'nowhere'", "accepted: draft, critic")),
    ],
)
def test_unknown_step_in_an_edge(edge: str, words: tuple[str, ...]) -> None:
    refused([DRAFT, CRITIC], [*CHECKED, edge], *words)


@pytest.mark.parametrize(
    "step",
    [
        "{id: s, role: critic, agent: critic, subject: nowhere}",
        "{id: s, role: critic, agent: critic, reads: [nowhere]}",
        "{id: s, role: judge, agent: judge, options: [nowhere]}",
        "{id: s, role: consensus, members: [nowhere], rule: {kind: veto}}",
    ],
)
def test_unknown_step_in_a_step(step: str) -> None:
    refused(
        [DRAFT, step], ["{from: draft, to: s}", "{from: s, to: release}"], "'s'", "'nowhere'", "accepted: ", "draft"
    )


def test_unknown_fallback() -> None:
    refused([DRAFT, CRITIC], CHECKED, "`fallback`", "'humann'", "refuse", "redirect", fallback="humann")
    refused([DRAFT, CRITIC], CHECKED, "`fallback`", "'release'", "accepted", fallback="release")


def test_unreachable_step() -> None:
    edges = [*CHECKED, "{from: revise, to: human}", "{from: human, to: revise, max_rounds: 1}", HUMAN_ON]
    refused([DRAFT, CRITIC, REVISE, HUMAN], edges, "'revise'", "cannot be reached", "draft", "add an edge")


HUMAN_ON = "{from: human, to: release, when: {field: verdict, op: eq, value: accept}}"


def test_no_way_on_and_no_outcome() -> None:
    refused([DRAFT, CRITIC], ["{from: draft, to: critic}"], "'critic'", "no way on", "release, redirect, refuse")
    loop = ["{from: draft, to: critic}", "{from: critic, to: draft, max_rounds: 1}"]
    refused([DRAFT, CRITIC], loop, "outcome", "release, redirect, refuse")
    cycle = ["{from: draft, to: critic}", "{from: critic, to: draft}"]
    refused([DRAFT, CRITIC], cycle, "no case can enter", "if critic -> draft is a loop, give it `max_rounds: N`")


def test_unbounded_cycle() -> None:
    edges = [*CHECKED, "{from: critic, to: revise}", "{from: revise, to: critic}"]
    refused([DRAFT, CRITIC, REVISE], edges, "critic -> revise -> critic", "max_rounds: N")


def test_a_loop_without_an_exhausted_edge() -> None:
    edges = [*CHECKED, "{from: critic, to: revise}", "{from: revise, to: critic, max_rounds: 2}"]
    refused([DRAFT, CRITIC, REVISE], edges, "'critic'", "used up", "exhausted: true")


def test_an_edge_cannot_be_back_edge_and_exit() -> None:
    edges = [*CHECKED, "{from: critic, to: draft, max_rounds: 1, exhausted: true}"]
    refused([DRAFT, CRITIC], edges, "critic -> draft", "exclude each other")


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("{field: verdikt, op: eq, value: accept}", ("'verdikt'", "verdict")),
        ("{field: chosen, op: eq, value: 1}", ("'chosen'", "severity")),
        ("{field: flag.nosuch, op: eq, value: true}", ("flag.nosuch", "flag.")),
        ("{any: [{not: {field: disagreement, op: gt, value: 0.5}}]}", ("'disagreement'", "confidence")),
        ("{field: verdict, op: eq, value: acept}", ("'acept'", "accept, revise, reject, escalate")),
        ("{field: verdict, op: in, value: [accept, maybe]}", ("'maybe'", "missing, accept")),
        ("{field: severity, op: eq, value: high}", ("severity", "number")),
        ("{field: severity, op: contains, value: 1}", ("severity", "contains", "lt")),
        ("{field: label, op: eq, value: x}", ("'label'", "verdict")),
    ],
)
def test_conditions_name_what_exists(when: str, words: tuple[str, ...]) -> None:
    edges = ["{from: draft, to: critic}", f"{{from: critic, to: release, when: {when}}}"]
    refused([DRAFT, CRITIC], edges, "critic -> release", *words)


def test_a_condition_names_a_declared_label() -> None:
    steps = [DRAFT, "{id: critic, role: critic, agent: critic, labels: true}"]
    edges = ["{from: draft, to: critic}", "{from: critic, to: release, when: {field: label, op: eq, value: ok}}"]
    compiled(text(steps, edges), labels=["ok", "bad"])
    refused(steps, edges, "critic -> release", "'ok'", "accepted: fine, bad", labels=["fine", "bad"])
    refused(steps, edges, "'critic' labels", "declares no `labels`")


def test_a_condition_only_knows_the_principles_of_its_step() -> None:
    steps = [DRAFT, "{id: critic, role: critic, agent: critic, principles: [privacy]}"]
    edge = "{{from: critic, to: release, when: {{field: flag.{}, op: eq, value: false}}}}"
    compiled(text(steps, ["{from: draft, to: critic}", edge.format("privacy")]))
    refused(steps, ["{from: draft, to: critic}", edge.format("uncertainty")], "critic -> release", "flag.")


def test_unknown_principle() -> None:
    steps = [DRAFT, "{id: critic, role: critic, agent: critic, principles: [nosuch]}"]
    refused(steps, CHECKED, "'critic'", "'nosuch'", "privacy")


PANEL = ["{from: draft, to: [a, b]}", "{from: a, to: vote}", "{from: b, to: vote}", "{from: vote, to: release}"]


def test_a_branch_may_not_end_a_case_before_the_join() -> None:
    ends = "{from: a, to: refuse, when: {field: verdict, op: eq, value: reject}}"
    refused([FAN, A, B, VOTE], [PANEL[0], ends, *PANEL[1:]], "'draft' fans out", "ends the case", "refuse")


def test_a_branch_may_not_park_before_the_join() -> None:
    parks = ["{from: a, to: human, when: {field: verdict, op: eq, value: escalate}}", "{from: human, to: vote}"]
    refused([FAN, A, B, VOTE, HUMAN], [PANEL[0], *parks, *PANEL[1:]], "'draft' fans out", "parks the case", "human")


def test_members_share_the_principles_of_their_consensus() -> None:
    narrow = "{id: a, role: critic, agent: critic_a, principles: [privacy]}"
    refused([FAN, narrow, B, VOTE], PANEL, "'vote'", "'a'", "privacy", "same `principles`")


def test_weights_are_for_the_members() -> None:
    vote = "{id: vote, role: consensus, members: [a, b], rule: {kind: weighted, weights: {a: 1.0, c: 2.0}}}"
    refused([FAN, A, B, vote], PANEL, "'vote'", "['a', 'c']", "['a', 'b']")


def test_only_reviewers_are_members_and_only_responders_options() -> None:
    vote = "{id: vote, role: consensus, members: [a, draft], rule: {kind: veto}}"
    refused([FAN, A, B, vote], PANEL, "'vote'", "'draft' is a base", "critics")
    judge = "{id: judge, role: judge, agent: judge, options: [critic]}"
    edges = ["{from: draft, to: critic}", "{from: critic, to: judge}", "{from: judge, to: release}"]
    refused([DRAFT, CRITIC, judge], edges, "'judge'", "'critic' is a critic", "bases")


def test_a_step_reads_only_what_has_run() -> None:
    steps = [DRAFT, "{id: critic, role: critic, agent: critic, reads: [revise]}", REVISE]
    edges = ["{from: draft, to: critic}", "{from: critic, to: revise}", "{from: revise, to: release}"]
    refused(steps, edges, "'critic'", "'revise'", "round: previous")


@pytest.mark.parametrize(
    ("step", "word"),
    [
        ("{id: s, role: consensus, rule: {kind: veto}}", "members"),
        ("{id: s, role: critic}", "agent"),
        ("{id: s, role: critic, agent: critic, members: [draft]}", "only consensus"),
        ("{id: s, role: critic, agent: critic, join: 0}", "quorum"),
        ("{id: s, role: critic, agent: critic, candidate: 2}", "candidate"),
        ("{id: 's.0', role: critic, agent: critic}", "id"),
    ],
)
def test_what_a_step_must_say(step: str, word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        graph(text([DRAFT, step], ["{from: draft, to: s}"]))


def test_loops_that_unroll_too_far() -> None:
    again = "when: {field: verdict, op: eq, value: revise}"
    edges = [
        "{from: draft, to: critic}",
        f"{{from: critic, to: revise, {again}}}",
        "{from: critic, to: a, when: {field: verdict, op: eq, value: accept}}",
        "{from: critic, to: a, exhausted: true}",
        "{from: revise, to: critic, max_rounds: 32}",
        f"{{from: a, to: draft, {again}, max_rounds: 32}}",
        "{from: a, to: release, when: {field: verdict, op: eq, value: accept}}",
        "{from: a, to: refuse, exhausted: true}",
    ]
    refused([DRAFT, CRITIC, REVISE, A], edges, "unrolls to more than 512", "lower `max_rounds`")


def test_an_unknown_graph_names_the_shipped_ones() -> None:
    with pytest.raises(InputError, match=r"'nosuch'.*layers, panel, single"):
        load_graph("nosuch")
