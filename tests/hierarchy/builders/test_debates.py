"""Debate and consultancy: who argues which side, what it is worth, and what the judge makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from agents.hearing import others
from agents.spec import AgentSpec
from agents.style import Labels, load_style
from agents.view import Cases
from agents.vocabulary import CaseOutcome, Role, Side, Verdict
from constitutions.errors import InputError
from experiments.metrics.arms import first_reviewers
from hierarchy.arm import Arm
from hierarchy.block import Block
from hierarchy.builders import build
from hierarchy.compile import compile_graph
from hierarchy.graph import OversightGraph
from hierarchy.plan import Plan
from tests.agents.makers import constitution as three_principles
from tests.hierarchy.builders.running import perform, plan_of, planned, scripted, simulated
from tests.hierarchy.builders.test_builders import talking
from tests.hierarchy.graphs import M, R, Told, constitution, ran

N = 40_000
VIOLATES, FINE = simulated(propensity=1.0), simulated(propensity=0.0)
NO_OPINION = simulated(sensitivity=0.0, false_alarm=0.0)


def reads(told: Told, name: str) -> list[str]:
    return list(told.saw[name].reads or {})


def one_principle(name: str, **given: Any) -> Plan:
    """The plan of a builder whose steps all look at one and the same principle; flagged answers are refused."""
    graph = build(name, on_flag="refuse", auditor=None, **given)
    first = constitution().ids[:1]
    return planned(
        graph.model_copy(update={"steps": tuple(s.model_copy(update={"principles": first}) for s in graph.steps)})
    )


def flagged(plan: Plan, **crew: AgentSpec) -> float:
    """How often the judge flags."""
    return float((perform(plan, crew, Cases.numbered(N)).outcomes() == CaseOutcome.REFUSED).mean())


def of_elo(rating: float, **more: Any) -> AgentSpec:
    return simulated(elo={"rating": rating}, **more)


def test_debaters_take_turns_and_the_judge_reads_the_answer_and_the_whole_debate() -> None:
    told = Told()
    told.run(plan_of("debate", rounds=2))
    turns = ["prosecution_1", "defence_1", "prosecution_2", "defence_2"]
    assert [reads(told, turn) for turn in turns] == [turns[:i] for i in range(4)]
    assert reads(told, "judge") == turns
    subject = told.saw["judge"].subject
    assert subject is not None
    assert subject.text_NK[0, 0] == "draft#0"


def test_everybody_knows_who_is_assigned_what() -> None:
    told = Told()
    told.run(plan_of("debate", rounds=1, debaters=["one", "other"]))
    assert [told.saw[name].side for name in ("prosecution_1", "defence_1", "judge")] == [*Side, None]
    assert told.saw["judge"].sides == {"prosecution_1": Side.PROSECUTION, "defence_1": Side.DEFENCE}
    agents = {step.id: step.agent for step in build("debate", rounds=1, debaters=["one", "other"]).steps}
    assert (agents["prosecution_1"], agents["defence_1"]) == ("one", "other")


@pytest.mark.parametrize("side", Side)
def test_a_consultant_has_the_side_it_is_given_and_the_judge_asks_between(side: Side) -> None:
    told = Told()
    block = told.run(plan_of("consultancy", rounds=2, side=side.value))
    assert ran(block) == ["draft", "advice_1", "question_1", "advice_2", "judge"]
    assert reads(told, "question_1") == ["advice_1"]
    assert reads(told, "advice_2") == ["advice_1", "question_1"]
    assert told.saw["judge"].sides == {"advice_1": side, "advice_2": side}


def test_a_debate_goes_on_after_a_turn_that_could_not_be_read() -> None:
    told = Told(verdicts={"prosecution_1": [M], "judge": [R]})
    block = told.run(plan_of("debate", rounds=1, on_flag="refuse"))
    assert ran(block) == ["draft", "prosecution_1", "defence_1", "judge"]
    assert block.outcomes().tolist() == [CaseOutcome.REFUSED]


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize(("honest", "dishonest", "advantage"), [(0, 0, 0), (0, 0, 200), (-150, 100, 50), (300, 0, 0)])
def test_the_honest_side_wins_by_the_elo_formula(honest: int, dishonest: int, advantage: int, rounds: int) -> None:
    """P = 1 / (1 + 10^(-(honest + advantage - dishonest) / 400)), whichever side is the honest one."""
    plan, more = one_principle("debate", rounds=rounds), {"truth_advantage": advantage}
    wins = 1.0 / (1.0 + 10.0 ** (-(honest + advantage - dishonest) / 400.0))
    good, bad = of_elo(honest, **more), of_elo(dishonest, **more)
    judge = {"judge": NO_OPINION}
    found = flagged(plan, base=VIOLATES, critic_a=good, critic_b=bad, **judge)
    assert found == pytest.approx(wins, abs=4 * 0.5 / np.sqrt(N))
    passed = 1.0 - flagged(plan, base=FINE, critic_a=bad, critic_b=good, **judge)
    assert passed == pytest.approx(wins, abs=4 * 0.5 / np.sqrt(N))


def test_the_default_is_what_a_language_model_judged_in_khan_et_al() -> None:
    """76 % right (arXiv:2402.06782, abstract), of debates between equals."""
    found = flagged(one_principle("debate"), base=VIOLATES, critic_a=of_elo(0), critic_b=of_elo(0), judge=NO_OPINION)
    assert found == pytest.approx(0.76, abs=4 * 0.43 / np.sqrt(N))


def luce(*turns: tuple[bool, float]) -> float:
    """Luce's choice among turns (for the prosecution?, Elo)."""
    total = sum(10 ** (elo / 400) for _, elo in turns)
    return sum(10 ** (elo / 400) for for_, elo in turns if for_) / total


def test_the_judges_own_finding_is_one_more_argument() -> None:
    crew = {"base": VIOLATES, "critic_a": of_elo(100, truth_advantage=50), "critic_b": of_elo(200)}
    skill = 1 / (1 + 10**-0.3)  # a judge of 120 Elo
    turns = [(True, 150.0), (False, 200.0)] * 2
    expected = skill * luce(*turns, (True, 120.0)) + (1 - skill) * luce(*turns, (False, 120.0))
    found = flagged(one_principle("debate", rounds=2), judge=of_elo(120), **crew)
    assert found == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(N))


def test_a_consultant_on_the_wrong_side_misleads_a_judge_by_its_rating() -> None:
    judge = simulated(sensitivity=1 / (1 + 10**-0.25), false_alarm=0.0)  # 100 Elo
    skill = 1 / (1 + 10**-0.25)
    for rating in (0, 400):
        crew = {"base": VIOLATES, "critic_strong": of_elo(rating), "judge": judge}
        found = flagged(one_principle("consultancy", rounds=2, side="defence"), **crew)
        expected = skill * luce((False, rating), (False, rating), (True, 100))
        assert found == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(N))


def test_one_agent_can_argue_both_sides() -> None:
    """Self-play: its two sides draw numbers of their own."""
    plan = one_principle("debate", debaters=["critic", "critic"])
    found = flagged(plan, base=VIOLATES, critic=of_elo(0, truth_advantage=0), judge=NO_OPINION)
    assert found == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(N))


def test_a_judge_who_cannot_read_the_debate_decides_alone() -> None:
    plan, silent = one_principle("debate"), of_elo(0, missing=1.0)
    for skill in (0.0, 1.0):
        judge = simulated(sensitivity=skill, false_alarm=0.0)
        assert flagged(plan, base=VIOLATES, critic_a=silent, critic_b=silent, judge=judge) == skill


def test_a_prosecution_that_colludes_does_not_argue_what_is_violated() -> None:
    """Then the defence and the judge's own finding are all there is."""
    plan, colluding = one_principle("debate"), of_elo(2000, collusion=1.0)
    found = flagged(plan, base=VIOLATES, critic_a=colluding, critic_b=of_elo(0), judge=NO_OPINION)
    assert found == 0.0


def test_a_follower_does_not_count_advocates_as_reviewers() -> None:
    """A majority of claims that were assigned says nothing: with strengths apart, the judge's own finding stands."""
    quiet = simulated(sensitivity=0.0, false_alarm=0.0)  # advocates without any rating: their arguments never win
    follows = simulated(sensitivity=1.0, false_alarm=0.0, sycophancy=1.0)
    plan = one_principle("consultancy", rounds=1, side="prosecution")
    assert flagged(plan, base=FINE, critic_strong=quiet, judge=follows) == 0.0
    assert flagged(plan, base=VIOLATES, critic_strong=quiet, judge=follows) == 1.0


def test_advocates_are_no_reviewers_in_measures_and_lineage() -> None:
    block = perform(plan_of("debate", auditor=None), {"else": simulated(propensity=0.4)}, Cases.numbered(50))
    assert [step.name for step in first_reviewers(block)] == ["judge"]


def test_the_prompt_of_a_debater_says_its_side_and_the_judges_prompt_whose_words_it_hears() -> None:
    quoting = scripted("all_of_it", "firm")
    block = asked(build("debate", rounds=1, on_flag="refuse", auditor=None), quoting)
    said = {step.name: block.said(step.index)["critique"][0] for step in block.plan.steps if step.role is Role.CRITIC}
    assert "You speak for the prosecution" in said["prosecution_1"]
    assert "You speak for the defence" in said["defence_1"]
    assert "prosecution_1 (prosecution): " in said["defence_1"]
    assert "\ndefence_1 (defence): " in said["judge"]
    assert "You speak for" not in said["judge"].split("OTHER REVIEWERS:")[0]


def test_a_debater_is_asked_what_it_claims() -> None:
    """The scripted model answers yes to whoever speaks for the prosecution, and no to everybody else."""
    claims = AgentSpec(model=scripted().model.model_copy(update={"score": "tests.agents.scripts:speaks_for_it"}))
    block = asked(build("debate", rounds=1, on_flag="refuse", auditor=None), claims)
    verdicts = {step.name: int(block.said(step.index)["verdict"][0]) for step in block.plan.steps}
    assert verdicts["prosecution_1"] == Verdict.REVISE
    assert verdicts["defence_1"] == verdicts["judge"] == Verdict.ACCEPT


def asked(graph: OversightGraph, agent: AgentSpec) -> Block:
    plan = compile_graph(graph, {s.agent for s in graph.steps if s.agent}, lambda other: three_principles())
    return perform(plan, {"else": agent}, talking(2))


def test_a_style_that_cannot_ask_a_debater_says_so(tmp_path: Path) -> None:
    style = load_style("plain").model_dump(mode="json", exclude={"argue", "plead"}, exclude_none=True)
    path = tmp_path / "mute.yaml"
    path.write_text(yaml.safe_dump(style), encoding="utf-8")
    agent = scripted().model_copy(update={"style": str(path)})
    with pytest.raises(InputError, match="prompt style 'plain' has no template 'argue'"):
        asked(build("debate", rounds=1, auditor=None), agent)


def test_the_words_for_sides_are_the_styles() -> None:
    told = Told()
    told.run(plan_of("debate", rounds=1))
    style = load_style("plain").model_copy(update={"labels": Labels(prosecution="wrong", defence="right")})
    assert others(told.saw["judge"], style)[0].startswith("prosecution_1 (wrong): ")


def test_a_side_is_part_of_the_question_and_of_its_readers() -> None:
    told = Told()
    block = told.run(plan_of("consultancy", rounds=1, side="prosecution"))
    other = Told()
    other.run(plan_of("consultancy", rounds=1, side="defence"))
    key = np.array([7], np.uint64)
    assert told.saw["judge"].hashes(key)[0] != other.saw["judge"].hashes(key)[0]
    agents = {name: simulated() for name in ("base", "judge", "critic_strong", "auditor")}
    prints = []
    for side in Side:
        plan = plan_of("consultancy", rounds=1, side=side.value)
        prints.append(Arm("arm", plan, agents, 1).fingerprint(plan.steps[1])[0])
    assert prints[0] != prints[1]
    assert block.plan.steps[1].step.side is Side.PROSECUTION


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"role": "safety"}, "step 'advice_1': only critics that look for violations have a `side`"),
        ({"labels": True}, "step 'advice_1': only critics that look for violations have a `side`"),
    ],
)
def test_only_critics_that_look_for_violations_have_a_side(change: dict[str, Any], words: str) -> None:
    declared = build("consultancy", rounds=1).model_dump(mode="json", by_alias=True)
    declared["steps"][1] |= change
    with pytest.raises(ValidationError, match=words):
        OversightGraph.model_validate(declared)


def test_a_side_is_argued_about_a_response() -> None:
    graph = build("critic_of_critic", depth=1)
    steps = tuple(s.model_copy(update={"side": Side.DEFENCE}) if s.id == "critic_1" else s for s in graph.steps)
    with pytest.raises(InputError, match="step 'critic_1': a `side` is argued about a response; 'critic' is none"):
        planned(graph.model_copy(update={"steps": steps}))


def test_a_consensus_does_not_count_advocates() -> None:
    graph = build("panel")
    steps = tuple(s.model_copy(update={"side": Side.DEFENCE}) if s.id == "critic_a" else s for s in graph.steps)
    with pytest.raises(InputError, match="step 'vote': member 'critic_a' has a `side`; consensus counts who says"):
        planned(graph.model_copy(update={"steps": steps}))
