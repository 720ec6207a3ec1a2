"""What each topology is for: who sees what, who is asked, and whose word counts."""

from __future__ import annotations

from math import comb
from typing import Any

import networkx as nx
import numpy as np
import pytest

from agents.columns import Output
from agents.view import Cases, View
from agents.vocabulary import CaseOutcome, Role, Verdict
from constitutions.errors import InputError
from hierarchy.builders import build
from hierarchy.compile import compile_graph
from tests.hierarchy.builders.running import perform, plan_of, planned, simulated
from tests.hierarchy.graphs import A, M, R, Told, constitution, ran, review

ALWAYS = simulated(propensity=1.0, sensitivity=1.0, false_alarm=0.0)
BLIND = simulated(sensitivity=0.0, false_alarm=0.0)
EXACT = simulated(sensitivity=1.0, false_alarm=0.0)


def reads(told: Told, name: str) -> list[str]:
    return sorted(told.saw[name].reads or {})


def test_a_chain_asks_the_next_critic_only_about_what_the_last_accepted() -> None:
    plan = plan_of("chain", rounds=0, auditor=None)
    told = Told(verdicts={"critic_a": [A, R, A, A], "critic_b": [A, A, R, A], "critic_c": [A, A, A, R]})
    block = told.run(plan, 4)
    asked = [[name for name in ran(block, n) if name != "draft"] for n in range(4)]
    assert asked == [["critic_a", "critic_b", "critic_c"], ["critic_a"], ["critic_a", "critic_b"], asked[0]]
    assert block.outcomes().tolist() == [CaseOutcome.RELEASED, *[CaseOutcome.REFUSED] * 3]


def test_critics_in_a_chain_see_each_other_only_where_they_are_not_blind() -> None:
    for blind, seen in ((True, []), (False, ["critic_a", "critic_b"])):
        told = Told()
        told.run(plan_of("chain", blind=blind, rounds=0))
        assert reads(told, "critic_c") == seen


def test_a_chain_starts_again_at_the_first_critic_after_a_revision() -> None:
    told = Told(verdicts={"critic_b.0": [R]})
    block = told.run(plan_of("chain", length=2, rounds=1))
    assert ran(block) == ["draft", "critic_a.0", "critic_b.0", "revise.0", "critic_a.1", "critic_b.1"]
    assert block.outcomes().tolist() == [CaseOutcome.REVISED]


def test_a_weighted_panel_lets_one_good_critic_outvote_two_poor_ones() -> None:
    plan = plan_of("weighted_panel", accuracies=[0.9, 0.6, 0.6], on_flag="refuse")
    told = Told(verdicts={"critic_strong": [R, A], "critic_a": [A, R], "critic_b": [A, R]})
    assert told.run(plan, 2).outcomes().tolist() == [CaseOutcome.REFUSED, CaseOutcome.RELEASED]
    weights = plan.graph.step("vote").rule.weights  # type: ignore[union-attr]
    assert weights["critic_strong"] == pytest.approx(np.log(9))


def test_a_trees_root_sees_nothing_but_its_childrens_findings() -> None:
    plan = plan_of("tree", branching=3, depth=2)
    told = Told(acts={"root": lambda view: review(view, np.full(len(view), A))})
    told.run(plan)
    assert reads(told, "root") == ["node", "node_2", "node_3"]
    assert told.saw["root"].subject is None
    assert reads(told, "node") == ["critic_a", "critic_b", "critic_c"]
    critics = [step for step in plan.steps if step.role is Role.CRITIC]
    assert len(critics) == 9
    assert len({(step.step.agent, step.step.sample) for step in critics}) == 9


def test_a_minority_of_leaves_can_carry_a_tree_but_not_a_panel() -> None:
    """Four of nine in two of three groups: the indirect majority of Boland (1989)."""
    flags = ["critic_a", "critic_b", "critic_a_2", "critic_b_2"]
    told = {name: [R] for name in flags}
    tree = Told(verdicts=told).run(plan_of("tree", branching=3, depth=2, on_flag="refuse"))
    panel = Told(verdicts=told).run(plan_of("panel", size=9, on_flag="refuse"))
    assert tree.outcomes().tolist() == [CaseOutcome.REFUSED]
    assert panel.outcomes().tolist() == [CaseOutcome.RELEASED]


def test_a_tree_of_independent_critics_is_as_good_as_majorities_of_majorities() -> None:
    plan = plan_of("tree", branching=3, depth=2, on_flag="refuse")
    plan = planned(plan.graph.model_copy(update={"steps": tuple(_one_principle(s) for s in plan.graph.steps)}))
    block = perform(plan, {"base": ALWAYS, "else": simulated(sensitivity=0.7)}, Cases.numbered(40_000))
    once = 0.7**3 + 3 * 0.7**2 * 0.3
    twice = once**3 + 3 * once**2 * (1 - once)
    assert (block.outcomes() == CaseOutcome.REFUSED).mean() == pytest.approx(twice, abs=4 * 0.5 / 200)


def _one_principle(step: Any) -> Any:
    return step.model_copy(update={"principles": constitution().ids[:1]})


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_critic_above_corrects_a_wrong_critic(depth: int) -> None:
    """All below the last are blind to a violation that is always there; the last one sees it."""
    names = [f"c{i}" for i in range(depth + 1)]
    plan = plan_of("critic_of_critic", depth=depth, critics=names, on_flag="refuse")
    below = dict.fromkeys(names[:-1], BLIND)
    block = perform(plan, {**below, names[-1]: EXACT, "base": ALWAYS, "else": EXACT}, Cases.numbered(20))
    assert (block.outcomes() == CaseOutcome.REFUSED).all()
    wrong = perform(plan, {**below, names[-1]: BLIND, "base": ALWAYS, "else": BLIND}, Cases.numbered(20))
    assert (wrong.outcomes() == CaseOutcome.RELEASED).all()


def test_a_critic_of_critics_reviews_the_one_right_below_it_even_where_it_could_not_be_read() -> None:
    told = Told(verdicts={"critic": [M], "critic_1": [R]})
    block = told.run(plan_of("critic_of_critic", depth=2, on_flag="refuse"))
    assert told.saw["critic"].critic is None
    for above, below in (("critic_1", M), ("critic_2", R)):
        heard = told.saw[above].critic
        assert heard is not None
        assert heard["verdict"].tolist() == [below]
    assert block.outcomes().tolist() == [CaseOutcome.RELEASED]


@pytest.mark.parametrize("steps", [1, 2, 7, 20])
def test_a_ladder_with_n_steps_has_n(steps: int) -> None:
    graph = build("ladder", steps=steps)
    rungs = [step for step in graph.steps if step.id.startswith("rung_")]
    assert [step.id for step in rungs] == [f"rung_{i}" for i in range(steps, 0, -1)]
    assert [step.subject for step in rungs] == ["response", *(f"rung_{i}" for i in range(steps, 1, -1))]
    assert rungs[-1].agent == "critic"


def test_a_ladder_acts_only_on_what_every_rung_upholds() -> None:
    plan = plan_of("ladder", steps=3, on_flag="refuse")
    told = Told(verdicts={"rung_3": [R, A, R, R], "rung_2": [R, R, A, R], "rung_1": [R, R, R, A]})
    assert told.run(plan, 4).outcomes().tolist() == [CaseOutcome.REFUSED, *[CaseOutcome.RELEASED] * 3]


def test_a_ladder_catches_with_the_product_of_its_rungs() -> None:
    wins = {"weak": 0.6, "middle": 0.7, "strong": 0.9}
    plan = plan_of("ladder", steps=3, overseers=list(wins), on_flag="refuse")
    plan = planned(plan.graph.model_copy(update={"steps": tuple(_one_principle(s) for s in plan.graph.steps)}))
    crew = {name: simulated(sensitivity=win) for name, win in wins.items()}
    block = perform(plan, {**crew, "base": ALWAYS}, Cases.numbered(40_000))
    caught = (block.outcomes() == CaseOutcome.REFUSED).mean()
    assert caught == pytest.approx(0.6 * 0.7 * 0.9, abs=4 * 0.5 / 200)


def suspecting(scores: list[float]) -> Any:
    """A monitor with these suspicions, by case."""

    def act(view: View) -> Output:
        score = np.array(scores)[view.cases.case_id_N.astype(int)]
        shape = (len(view), 1, view.width.principles)
        sure = np.where(score >= 0.5, score, 1 - score)[:, None, None] * np.ones(shape)
        flag = np.broadcast_to((score >= 0.5)[:, None, None], shape)
        verdict = np.where(score >= 0.5, Verdict.REVISE, Verdict.ACCEPT)
        full = np.ones(shape, bool)
        return Output.of(
            view.role,
            len(view),
            view.width,
            verdict=verdict,
            flagged=score >= 0.5,
            confidence=sure[:, 0, 0],
            finding_asked=full,
            finding_present=full,
            finding_flag=flag,
            finding_confidence=sure,
        )

    return act


def test_trusted_monitoring_audits_the_most_suspicious_of_each_window() -> None:
    scores = [0.1, 0.9, 0.3, 0.2, 0.4, 0.1, 0.2, 0.3]
    block = Told(acts={"monitor": suspecting(scores)}).run(plan_of("trusted_monitoring", budget=25, window=4), 8)
    assert np.flatnonzero(block.parked >= 0).tolist() == [1, 4]
    whole = Told(acts={"monitor": suspecting(scores)}).run(plan_of("trusted_monitoring", budget=25), 8)
    assert np.flatnonzero(whole.parked >= 0).tolist() == [1, 4]
    more = Told(acts={"monitor": suspecting(scores)}).run(plan_of("trusted_monitoring", budget=50, window=4), 8)
    assert np.flatnonzero(more.parked >= 0).tolist() == [1, 2, 4, 7]


def test_the_lottery_of_untrusted_monitoring_audits_what_the_monitor_waves_through() -> None:
    """100 cases a colluding monitor finds harmless, among 100 that it reports."""
    plan = plan_of("untrusted_monitoring", budget=20, lottery=0.5)
    scores = [0.01] * 100 + [0.9] * 100
    parked = Told(acts={"monitor": suspecting(scores)}).run(plan, 200).parked >= 0
    assert parked.sum() == 40
    assert parked[100:].sum() >= 20
    assert 0 < parked[:100].sum() <= 20
    none = Told(acts={"monitor": suspecting(scores)}).run(plan_of("untrusted_monitoring", budget=20, lottery=0), 200)
    assert not (none.parked[:100] >= 0).any()


def test_untrusted_monitoring_is_by_the_bases_own_model() -> None:
    graph = build("untrusted_monitoring", base="schemer", monitor="schemer")
    assert [step.agent for step in graph.steps if step.role in (Role.BASE, Role.SAFETY)] == ["schemer", "schemer"]


def test_deferring_replaces_exactly_the_suspicious_answers() -> None:
    told = Told(acts={"monitor": suspecting([0.49, 0.5, 0.9])})
    block = told.run(plan_of("defer_to_trusted"), 3)
    assert block.final().text_NK[:, 0].tolist() == ["draft#0", "defer#0", "defer#0"]
    assert (block.outcomes() == CaseOutcome.RELEASED).all()


def test_an_answer_that_could_not_be_monitored_is_deferred() -> None:
    block = Told(verdicts={"monitor": [M]}).run(plan_of("defer_to_trusted"))
    assert block.final().text_NK[0, 0] == "defer#0"


def test_resampling_releases_the_first_unsuspicious_answer_and_defers_behind_the_last() -> None:
    acts = {"monitor": [0.1, 0.9, 0.9], "monitor_1": [0, 0.1, 0.9], "monitor_2": [0, 0, 0.9]}
    told = Told(acts={name: suspecting(scores) for name, scores in acts.items()})
    block = told.run(plan_of("resample_and_defer", resamples=2), 3)
    assert block.final().text_NK[:, 0].tolist() == ["draft#0", "resample_1#0", "defer#0"]


def test_a_resampled_answer_is_another_answer() -> None:
    """With an exact monitor, a base that violates half the time is released at the first clean one of five answers."""
    plan = plan_of("resample_and_defer", resamples=4)
    plan = planned(plan.graph.model_copy(update={"steps": tuple(_one_principle(s) for s in plan.graph.steps)}))
    crew = {"base": simulated(propensity=0.5), "monitor": EXACT, "trusted": simulated(propensity=0.0)}
    deferred = perform(plan, crew, Cases.numbered(20_000)).ran[-1].mean()
    assert deferred == pytest.approx(0.5**5, abs=4 * np.sqrt(0.5**5 / 20_000))


def test_a_cascade_asks_the_strong_only_where_the_cheap_was_unsure_and_the_human_where_the_strong_was() -> None:
    plan = plan_of("cascade", on_flag="refuse")
    cheap = suspecting([0.1, 0.9, 0.4, 0.6, 0.6])
    told = Told(acts={"cheap": cheap, "strong": suspecting([0, 0, 0.1, 0.9, 0.51])})
    block = told.run(plan, 5)
    strong = next(step for step in plan.steps if step.name == "strong")
    assert block.ran[strong.index].tolist() == [False, False, True, True, True]
    assert (block.parked >= 0).tolist() == [False, False, False, False, True]
    named = [CaseOutcome(int(code)).name.lower() for code in block.outcomes()]
    assert named == ["released", "refused", "released", "refused", "pending"]


def test_a_cascade_asks_the_strong_where_the_cheap_could_not_be_read() -> None:
    assert ran(Told(verdicts={"cheap": [M]}).run(plan_of("cascade"))) == ["draft", "cheap", "strong"]


def test_the_same_seed_gives_the_same_random_graph_and_another_mostly_another() -> None:
    graphs = [build("random_dag", seed=seed, nodes=8) for seed in range(20)]
    assert graphs == [build("random_dag", seed=seed, nodes=8) for seed in range(20)]
    assert len({graph.model_dump_json() for graph in graphs}) == 20


def test_random_graphs_are_always_valid_and_every_node_speaks() -> None:
    for seed in range(100):
        nodes, probability = 1 + seed % 15, (seed % 11) / 10
        plan = plan_of("random_dag", seed=seed, nodes=nodes, probability=probability, auditor=None)
        spoken = [step.index for step in plan.steps if step.name.startswith("node_")]
        assert len(spoken) == nodes
        block = perform(plan, {"else": simulated(propensity=0.4, missing=0.05)}, Cases.numbered(4), seed)
        assert block.ran[spoken].all(), seed
        assert (block.outcomes() != CaseOutcome.PENDING).all(), seed


def test_a_random_graph_has_the_edges_of_its_probability() -> None:
    def edges(probability: float) -> int:
        drawn: nx.DiGraph[str] = nx.DiGraph()
        for seed in range(30):
            graph = build("random_dag", seed=seed, nodes=10, probability=probability)
            pairs = [(f"{seed}/{e.source}", f"{seed}/{e.to}") for e in graph.edges]
            drawn.add_edges_from((a, b) for a, b in pairs if "node_" in a and "node_" in b)
        return drawn.number_of_edges()

    assert edges(0) == 0
    assert edges(1) == 30 * 45
    assert edges(0.4) == pytest.approx(0.4 * 30 * 45, abs=4 * np.sqrt(0.24 * 30 * 45))


def test_seats_beyond_the_names_are_new_opinions_of_the_same_agents() -> None:
    """A panel of five samples of one critic decides like five independent critics, not like one."""
    plan = plan_of("panel", size=5, critics=["critic"], on_flag="refuse")
    plan = planned(plan.graph.model_copy(update={"steps": tuple(_one_principle(s) for s in plan.graph.steps)}))
    block = perform(plan, {"base": ALWAYS, "else": simulated(sensitivity=0.7)}, Cases.numbered(40_000))
    majority = sum(comb(5, k) * 0.7**k * 0.3 ** (5 - k) for k in (3, 4, 5))
    assert (block.outcomes() == CaseOutcome.REFUSED).mean() == pytest.approx(majority, abs=4 * 0.5 / 200)


def test_an_agent_that_does_not_exist_is_told_by_the_graph() -> None:
    with pytest.raises(InputError, match="step 'defer': `agent`: 'trusted' does not exist"):
        compile_graph(build("defer_to_trusted"), {"base", "monitor"}, constitution)
