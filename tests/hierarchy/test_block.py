from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.columns import Output
from agents.view import View
from agents.vocabulary import CaseOutcome, Role
from hierarchy.settlement import settlements
from hierarchy.topology import load_graph, shipped
from tests.hierarchy.graphs import A, E, M, R, Told, X, compiled, outcome, ran, review, simulate


def test_exclusive_takes_the_first_edge_and_fan_out_all() -> None:
    one = """
steps:
  - {{id: draft, role: base, agent: base, route: {route}}}
  - {{id: a, role: critic, agent: critic_a}}
  - {{id: b, role: critic, agent: critic_b}}
  - {{id: vote, role: consensus, members: [a, b], rule: {{kind: veto}}}}
edges:
  - {{from: draft, to: [a, b]}}
  - {{from: a, to: vote}}
  - {{from: b, to: vote}}
  - {{from: vote, to: release, when: {{field: verdict, op: eq, value: accept}}}}
"""
    assert ran(Told().run(compiled(one.format(route="fan_out")))) == ["draft", "a", "b", "vote"]
    alone = Told().run(compiled(one.format(route="exclusive")))
    assert ran(alone) == ["draft", "a", "vote"]
    assert outcome(alone) == ["released"]


QUORUM = """
steps:
  - {{id: draft, role: base, agent: base, route: fan_out}}
  - {{id: a, role: critic, agent: critic_a, route: fan_out}}
  - {{id: b, role: critic, agent: critic_b, route: fan_out}}
  - {{id: c, role: critic, agent: critic_c, route: fan_out}}
  - {{id: strong, role: critic, agent: critic_strong, join: {join}}}
  - {{id: vote, role: consensus, members: [strong], rule: {{kind: veto}}}}
edges:
  - {{from: draft, to: [a, b, c]}}
  - {{from: a, to: strong, when: {{field: verdict, op: eq, value: revise}}}}
  - {{from: b, to: strong, when: {{field: verdict, op: eq, value: revise}}}}
  - {{from: c, to: strong, when: {{field: verdict, op: eq, value: revise}}}}
  - {{from: a, to: vote}}
  - {{from: b, to: vote}}
  - {{from: c, to: vote}}
  - {{from: strong, to: vote}}
  - {{from: vote, to: release, when: {{field: verdict, op: eq, value: accept}}}}
  - {{from: vote, to: refuse, when: {{field: verdict, op: eq, value: revise}}}}
"""


@pytest.mark.parametrize(("join", "asked"), [("any", [0, 1, 1, 1]), (2, [0, 0, 1, 1]), (3, [0, 0, 0, 1])])
def test_a_quorum_is_how_many_edges_must_have_fired(join: Any, asked: list[int]) -> None:
    told = Told(verdicts={"a": [A, R, R, R], "b": [A, A, R, R], "c": [A, A, A, R]})
    block = told.run(compiled(QUORUM.format(join=join)), 4)
    assert [int("strong" in ran(block, n)) for n in range(4)] == asked


def test_consensus_whose_members_never_ran_escalates_to_the_fallback() -> None:
    block = Told(verdicts={name: [A] for name in "abc"}).run(compiled(QUORUM.format(join=3)))
    assert outcome(block) == ["refused"]


ROUTED = """
steps:
  - {{id: draft, role: base, agent: base}}
  - {{id: critic, role: critic, agent: critic}}
  - {{id: strong, role: critic, agent: critic_strong}}
edges:
  - {{from: draft, to: critic}}
  - {{from: critic, to: strong, when: {when}}}
  - {{from: critic, to: redirect}}
  - {{from: strong, to: release}}
"""


def routed(when: str, **act: Any) -> list[str]:
    """Whether each of the verdicts accept, revise, escalate and missing goes to the strong critic."""
    told = Told(acts={"critic": lambda view: review(view, [A, R, E, M], **act)})
    block = told.run(compiled(ROUTED.format(when=when)), 4)
    return [("strong" if "strong" in ran(block, n) else outcome(block)[n]) for n in range(4)]


def test_an_edge_without_a_condition_does_not_carry_what_was_not_decided() -> None:
    assert routed("{field: severity, op: gt, value: 2}") == ["redirected", "redirected", "refused", "refused"]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{field: severity, op: ge, value: 0.5}", ["redirected", "strong", "refused", "refused"]),
        ("{field: confidence, op: lt, value: 0.95}", ["strong", "strong", "refused", "refused"]),
        ("{field: uncertainty, op: gt, value: 0.05}", ["strong", "strong", "refused", "refused"]),
        ("{field: flag.privacy, op: eq, value: true}", ["redirected", "strong", "refused", "refused"]),
        ("{field: flag.balance, op: eq, value: true}", ["redirected", "redirected", "refused", "refused"]),
        ("{field: severity.privacy, op: ge, value: 0.5}", ["redirected", "strong", "refused", "refused"]),
        ("{field: missing, op: eq, value: true}", ["redirected", "redirected", "refused", "strong"]),
        ("{field: verdict, op: in, value: [escalate, missing]}", ["redirected", "redirected", "strong", "strong"]),
        (
            "{any: [{field: verdict, op: eq, value: escalate}, {field: severity, op: ge, value: 0.5}]}",
            ["redirected", "strong", "strong", "refused"],
        ),
    ],
)
def test_escalation_by_severity_confidence_principle_and_what_is_missing(when: str, expected: list[str]) -> None:
    assert routed(when, severity=0.75, principle=1) == expected


def test_escalation_by_disagreement() -> None:
    plan = compiled(
        """
steps:
  - {id: draft, role: base, agent: base, route: fan_out}
  - {id: a, role: critic, agent: critic_a}
  - {id: b, role: critic, agent: critic_b}
  - {id: c, role: critic, agent: critic_c}
  - {id: vote, role: consensus, members: [a, b, c], rule: {kind: majority}}
  - {id: strong, role: critic, agent: critic_strong}
edges:
  - {from: draft, to: [a, b, c]}
  - {from: a, to: vote}
  - {from: b, to: vote}
  - {from: c, to: vote}
  - {from: vote, to: strong, when: {field: disagreement, op: gt, value: 0.3}}
  - {from: vote, to: release, when: {field: verdict, op: eq, value: accept}}
  - {from: vote, to: refuse, when: {field: verdict, op: eq, value: revise}}
  - {from: strong, to: redirect}
"""
    )
    verdicts = {"a": [A, R, R, R, M], "b": [A, A, R, R, A], "c": [A, A, A, R, A]}
    block = Told(verdicts=verdicts).run(plan, 5)
    assert outcome(block) == ["released", "redirected", "redirected", "refused", "refused"]


def test_a_case_condition_routes_by_region() -> None:
    plan = compiled(ROUTED.format(when="{field: case.region, op: eq, value: north}"))
    told = Told()
    assert "strong" not in ran(told.run(plan))
    assert told.saw["critic"].cases.region_N.tolist() == [""]


@given(seed=st.integers(0, 2**32), propensity=st.floats(0, 1), name=st.sampled_from(shipped()))
@settings(max_examples=24)
def test_nobody_is_released_when_every_reviewer_is_missing(seed: int, propensity: float, name: str) -> None:
    block = simulate(compiled(load_graph(name)), 40, seed=seed, propensity=propensity, missing=1.0)
    codes = block.outcomes()
    assert np.isin(codes, (CaseOutcome.PENDING, CaseOutcome.REFUSED)).all()
    assert (block.parked >= 0).all()
    assert block.halted() == 40


@given(seed=st.integers(0, 2**32), missing=st.floats(0, 1), name=st.sampled_from(shipped()))
@settings(max_examples=24)
def test_no_case_is_lost(seed: int, missing: float, name: str) -> None:
    block = simulate(compiled(load_graph(name)), 60, seed=seed, propensity=0.4, missing=missing)
    assert block.halted() == 60
    sinks = [i for i, edge in enumerate(block.plan.edges) if isinstance(edge.target, str)]
    assert (block.fired[sinks].sum(axis=0) + (block.parked >= 0) == 1).all()


def test_a_parked_case_is_pending_and_has_no_answer_yet() -> None:
    block = Told(verdicts={"critic.0": [M, A], "human": [M, M]}).run(compiled(load_graph("single")), 2)
    assert outcome(block) == ["pending", "released"]
    assert block.plan.steps[block.parked[0]].name == "human"
    assert block.parked[1] == -1
    assert [settlement.final for settlement in settlements("arm", block)] == [None, "draft#0"]


def test_a_base_that_answers_nothing_is_never_released() -> None:
    block = Told(verdicts={"draft": [M]}).run(compiled(load_graph("single")))
    assert outcome(block) == ["pending"]
    empty = compiled(ROUTED.format(when="{field: verdict, op: eq, value: accept}"))
    told = Told(acts={"draft": lambda view: Output.of(Role.BASE, len(view), view.width, verdict=np.array([A]))})
    assert outcome(told.run(empty)) == ["refused"]


COMPARED = """
steps:
  - {id: draft, role: base, agent: base}
  - {id: revise, role: reviser, agent: base}
  - {id: judge, role: judge, agent: judge, options: [draft, revise]}
  - {id: human, role: auditor, agent: auditor}
edges:
  - {from: draft, to: revise}
  - {from: revise, to: judge}
  - {from: judge, to: human}
  - {from: human, to: release, when: {field: verdict, op: in, value: [accept, revise]}}
  - {from: human, to: refuse, when: {field: verdict, op: eq, value: reject}}
fallback: human
"""


def edited(view: View) -> Output:
    """An auditor who revises the first case, accepts the second and rejects the third."""
    wrote = np.array([[True], [False], [False]])
    return Output.of(
        Role.AUDITOR,
        len(view),
        view.width,
        verdict=np.array([R, A, X]),
        text=np.where(wrote, "by hand", None),
        present=wrote,
        revision=np.array([2, 1, 1]),
        auditor=np.full(3, "ann", object),
    )


def test_the_response_is_what_the_judge_chose() -> None:
    told = Told(chosen={"judge": [0, 1]}, verdicts={"human": [A, A]})
    block = told.run(compiled(COMPARED), 2)
    assert block.final().text_NK[:, 0].tolist() == ["draft#0", "revise#0"]
    assert outcome(block) == ["released", "revised"]
    seen = told.saw["human"].subject
    assert seen is not None
    assert seen.text_NK[:, 0].tolist() == ["draft#0", "revise#0"]


def test_a_judge_that_cannot_be_read_leaves_the_last_response() -> None:
    block = Told(verdicts={"judge": [M], "human": [A]}).run(compiled(COMPARED))
    assert block.final().text_NK[:, 0].tolist() == ["revise#0"]


def test_the_response_is_what_the_auditor_wrote() -> None:
    block = Told(chosen={"judge": [0, 0, 0]}, acts={"human": edited}).run(compiled(COMPARED), 3)
    assert outcome(block) == ["revised", "released", "refused"]
    finals = [settlement.final for settlement in settlements("arm", block)]
    assert finals == ["by hand", "draft#0", "I can't help with that."]


def test_a_judge_scores_every_candidate_of_its_options() -> None:
    text = COMPARED.replace(
        "{id: draft, role: base, agent: base}", "{id: draft, role: base, agent: base, candidates: 3}"
    )
    told = Told(chosen={"judge": [2, 3]}, verdicts={"human": [A, A]})
    block = told.run(compiled(text), 2)
    options = told.saw["judge"].subject
    assert options is not None
    assert options.text_NK[0].tolist() == ["draft#0", "draft#1", "draft#2", "revise#0"]
    assert block.final().text_NK[:, 0].tolist() == ["draft#2", "revise#0"]


RECURSIVE = """
steps:
  - {id: draft, role: base, agent: base}
  - {id: critic, role: critic, agent: critic}
  - {id: meta, role: critic, agent: critic_strong, subject: critic}
edges:
  - {from: draft, to: critic}
  - {from: critic, to: meta, when: {field: verdict, op: in, value: [accept, revise]}}
  - {from: meta, to: release, when: {field: verdict, op: eq, value: accept}}
"""


def test_a_critic_of_a_critic_sees_the_critique_and_what_it_was_about() -> None:
    told = Told(verdicts={"critic": [R, A, M]})
    block = told.run(compiled(RECURSIVE), 3)
    view = told.saw["meta"]
    assert view.critic is not None
    assert view.subject is not None
    assert view.critic["verdict"].tolist() == [R, A]
    assert view.subject.text_NK[:, 0].tolist() == ["draft#0", "draft#0"]
    assert outcome(block) == ["released", "released", "refused"]
    assert simulate(compiled(RECURSIVE), 50, sensitivity=1.0).halted() == 50


PREVIOUS = """
steps:
  - {id: draft, role: base, agent: base}
  - {id: critic, role: critic, agent: critic, reads: [{step: critic, round: previous}, {step: revise, round: previous}]}
  - {id: revise, role: reviser, agent: base, reads: [critic]}
edges:
  - {from: draft, to: critic}
  - {from: critic, to: revise, when: {field: verdict, op: eq, value: revise}}
  - {from: critic, to: release, when: {field: verdict, op: eq, value: accept}}
  - {from: critic, to: refuse, exhausted: true}
  - {from: revise, to: critic, max_rounds: 2}
"""


def test_a_step_reads_the_round_before_when_it_asks_to() -> None:
    severities = {f"critic.{i}": 0.25 * (i + 1) for i in range(3)}
    acts = {name: partial(review, verdict=[R], severity=value) for name, value in severities.items()}
    told = Told(acts=acts)  # type: ignore[arg-type]
    told.run(compiled(PREVIOUS))
    reads = told.saw["critic.2"].reads
    assert reads is not None
    assert reads["critic"]["severity"].tolist() == [0.5]
    assert reads["revise"]["text"][:, 0].tolist() == ["revise.1#0"]
    own = told.saw["revise.1"].reads
    assert own is not None
    assert own["critic"]["severity"].tolist() == [0.5]
    assert not told.saw["critic.0"].reads


def test_a_reviser_that_does_not_read_never_sees_the_critique() -> None:
    told = Told(verdicts={"critic.0": [R], "critic.1": [A]})
    told.run(compiled(PREVIOUS.replace(", reads: [critic]}", "}")))
    assert not told.saw["revise.0"].reads


def test_simulated_agents_run_through_reads_of_the_round_before() -> None:
    assert simulate(compiled(PREVIOUS), 50, propensity=0.5, repair=0.2).halted() == 50


LOOSE = """
steps:
  - {{id: draft, role: base, agent: base}}
  - {{id: critic, role: critic, agent: critic}}
edges:
  - {{from: draft, to: critic}}
  - {{from: critic, to: release, when: {when}}}
fallback: redirect
"""
NE_REVISE = "{field: verdict, op: ne, value: revise}"


@pytest.mark.parametrize(
    ("when", "released"),
    [
        (NE_REVISE, [A, X]),
        ("{field: verdict, op: not_in, value: [revise]}", [A, X]),
        ("{not: {field: verdict, op: eq, value: revise}}", [A, X]),
        ("{not: {field: verdict, op: eq, value: missing}}", [A, X, R]),
        ("{field: severity, op: ge, value: 0}", [A, X, R]),
        ("{field: verdict, op: in, value: [accept, missing]}", [A, M]),
        ("{any: [{field: verdict, op: eq, value: escalate}, {field: verdict, op: eq, value: accept}]}", [A, E]),
    ],
    ids=str,
)
def test_what_nobody_could_read_is_released_only_where_the_edge_asks_for_it_by_name(
    when: str, released: list[Any]
) -> None:
    said = [A, R, X, E, M]
    block = Told({"critic": said}).run(compiled(LOOSE.format(when=when)), n=5)
    assert outcome(block) == ["released" if verdict in released else "redirected" for verdict in said]
