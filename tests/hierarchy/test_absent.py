"""A reviewer that is left out is not asked: neither an accepting vote nor a missing one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agents.columns import Output, Width
from agents.view import Cases, View
from agents.vocabulary import CaseOutcome, Role, Verdict
from constitutions.errors import InputError
from hierarchy.absent import NotAsked, excused, leave_out, reviewing
from hierarchy.arm import Arm
from hierarchy.block import Block
from hierarchy.consensus import Consensus
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.crew import latent_crew
from hierarchy.oversee import oversee
from hierarchy.rules import Majority, TopShare, Unanimous, Veto
from hierarchy.topology import load_graph
from hierarchy.windows import Window
from tests.hierarchy.graphs import arm, compiled, constitution

PRINCIPLES = 2


def critic(flags: list[bool], missing: bool = False) -> Output:
    n = len(flags)
    flag = np.repeat(np.array(flags)[:, None, None], PRINCIPLES, axis=2)
    here = np.full(flag.shape, not missing)
    verdict = np.where(flags, Verdict.REVISE, Verdict.MISSING if missing else Verdict.ACCEPT)
    return Output.of(
        Role.CRITIC, n, Width(1, PRINCIPLES), verdict=verdict, flagged=np.array(flags),
        finding_asked=np.ones_like(here), finding_present=here, finding_flag=flag & here,
        finding_confidence=np.full(flag.shape, 0.9), confidence=np.full(n, 0.9),
    )  # fmt: skip


def away(n: int) -> Output:
    few = constitution().subset(constitution().ids[:PRINCIPLES])
    subject = np.zeros((n, 1))
    out = NotAsked().act(View(Role.CRITIC, Cases.numbered(n), few))
    assert out["finding_asked"].shape == (n, *subject.shape[1:], PRINCIPLES)
    return out


def decide(rule: object, *members: Output) -> Output:
    names = tuple("abc"[: len(members)])
    few = constitution().subset(constitution().ids[:PRINCIPLES])
    view = View(Role.CONSENSUS, Cases.numbered(len(members[0])), few, reads=dict(zip(names, members, strict=True)))
    return Consensus(rule, names).act(view)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "rule", [Majority(), Unanimous(), Veto(), Majority(missing="flag"), Majority(missing="abstain")]
)
def test_consensus_with_one_away_is_consensus_of_the_others(rule: object) -> None:
    """Every pair of votes; in verdict, findings and disagreement."""
    one, two = critic([False, False, True, True]), critic([False, True, False, True])
    with_it, alone = decide(rule, one, two, away(4)), decide(rule, one, two)
    for name in alone.columns:
        np.testing.assert_array_equal(with_it[name], alone[name], err_msg=name)


def test_away_is_not_missing() -> None:
    said = critic([False])
    assert decide(Majority(), said, critic([False], missing=True))["verdict"][0] == Verdict.ESCALATE
    assert decide(Majority(), said, away(1))["verdict"][0] == Verdict.ACCEPT
    assert excused(away(1)).all()
    assert not excused(said).any()


def test_labels_with_one_away_are_settled_by_the_others() -> None:
    def labelled(*codes: int) -> Output:
        read = np.array(codes) >= 0
        verdict = np.where(read, Verdict.ACCEPT, Verdict.MISSING)
        return Output.of(
            Role.CRITIC, len(codes), Width(1), verdict=verdict, label=np.array(codes), confidence=read * 0.9
        )

    nobody = View(Role.CRITIC, Cases.numbered(2), constitution(), labels=("x", "y"))
    members = {"a": labelled(0, 1), "b": NotAsked().act(nobody), "c": labelled(0, -1)}
    view = View(Role.CONSENSUS, Cases.numbered(2), constitution(), reads=members, labels=("x", "y"))
    found = Consensus(Unanimous(), ("a", "b", "c")).act(view)
    assert found["verdict"].tolist() == [Verdict.ACCEPT, Verdict.ESCALATE]  # the second has a missing label
    assert found["label"].tolist() == [0, -1]


def test_a_window_ranks_by_those_who_were_asked() -> None:
    flags = [False, True, False, True]
    few = constitution().subset(constitution().ids[:PRINCIPLES])

    def escalated(**reads: Output) -> Output:
        view = View(Role.CONSENSUS, Cases.numbered(4), few, reads=reads, position_N=np.arange(4))
        return Window(TopShare(percent=50), tuple(reads)).act(view)

    alone, together = escalated(a=critic(flags)), escalated(a=critic(flags), b=away(4))
    for name in alone.columns:
        np.testing.assert_array_equal(together[name], alone[name], err_msg=name)


@pytest.mark.parametrize("name", ["panel", "layers", "cascade"])
def test_words_and_columns_leave_out_alike(name: str) -> None:
    whole = arm(compiled(load_graph(name)), propensity=0.3, false_alarm=0.1, missing=0.05)
    ids = reviewing(whole.plan)
    for absent in (ids[:1], ids[1:], ids):
        left: Arm = replace(whole, plan=leave_out(whole.plan, absent))
        words, columns = LatentBlock(LatentCases.numbered(0, 2_000), left.plan), Block(Cases.numbered(2_000), left.plan)
        oversee(words, left.plan, latent_crew(left))
        performer = left.performers()
        oversee(columns, left.plan, {step.name: performer(step) for step in left.plan.steps})
        np.testing.assert_array_equal(words.outcomes(), columns.outcomes())
        np.testing.assert_array_equal(words.ran(), columns.ran)


def test_with_everybody_away_nothing_is_found() -> None:
    whole = arm(compiled(load_graph("panel")), propensity=0.3)
    left = replace(whole, plan=leave_out(whole.plan, reviewing(whole.plan)))
    block, performer = Block(Cases.numbered(500), left.plan), left.performers()
    oversee(block, left.plan, {step.name: performer(step) for step in left.plan.steps})
    assert (block.outcomes() == CaseOutcome.RELEASED).all()
    assert not {"critic_a", "critic_b", "critic_c"} & set(left.used())


def test_only_reviewers_can_be_left_out() -> None:
    plan = compiled(load_graph("panel"))
    with pytest.raises(InputError, match="'draft' cannot be left out; accepted: "):
        leave_out(plan, ["draft"])
