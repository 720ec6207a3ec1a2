"""The questions of overseers, found again in every kind of topology: as many as were asked, as they were put."""

from __future__ import annotations

import typing
from collections import Counter
from typing import Any

import pytest

import benchmarks.building as script
from agents.models.scripted import ScriptedModel
from agents.records import Case, Message
from agents.spec import AgentSpec, ScriptedSpec
from agents.view import Cases
from agents.vocabulary import RESPONDERS, Role
from constitutions.constitution import load_constitution
from constitutions.errors import InputError
from hierarchy.arm import Arm
from hierarchy.block import Block
from hierarchy.builders import AnyBuilder, Builder
from hierarchy.compile import compile_graph
from hierarchy.graph import OversightGraph
from hierarchy.oversee import oversee
from hierarchy.questions import questions
from hierarchy.reviews import reviews
from hierarchy.topology import load_graph
from tests.hierarchy.graphs import arm, compiled, simulate

SCRIPT = "benchmarks.building"
LABELS = {"yes", "no", "first", "second"}


def _kinds(union: Any) -> list[type[Builder]]:
    found: list[type[Builder]] = []
    for part in typing.get_args(union):
        found += [part] if isinstance(part, type) and issubclass(part, Builder) else _kinds(part)
    return found


def _overseen(graph: OversightGraph, count: int = 6) -> tuple[Arm, Block]:
    """A block of scripted agents: every other case is drafted badly, and revised well."""
    overseer = AgentSpec(model=ScriptedSpec(generate=f"{SCRIPT}:critique", score=f"{SCRIPT}:verdict"))
    base = AgentSpec(model=ScriptedSpec(generate=f"{SCRIPT}:answer", score=f"{SCRIPT}:verdict"))
    writers = {step.agent for step in graph.steps if step.role in RESPONDERS}
    agents = {str(s.agent): base if s.agent in writers else overseer for s in graph.steps if s.agent}
    plan = compile_graph(graph, {*agents, "auditor"}, lambda _: load_constitution("microworld"))
    made = Arm("arm", plan, agents, 1)
    words = [Message("user", f"{('even', 'odd')[n % 2]} question {n}") for n in range(count)]
    block = Block(Cases.of([Case(f"c{n}", (message,)) for n, message in enumerate(words)]), plan)
    performer = made.performers()
    oversee(block, plan, {step.name: performer(step) for step in plan.steps})
    return made, block


@pytest.mark.parametrize("kind", _kinds(AnyBuilder), ids=lambda kind: kind.__name__)
def test_as_many_questions_are_found_as_overseers_were_asked(kind: type[Builder]) -> None:
    made, block = _overseen(kind().graph())
    asked = 0
    for step in block.plan.steps:
        said = block.said(step.index)
        if step.role in (Role.CRITIC, Role.SAFETY, Role.JUDGE) and step.asked:
            asked += int(said["calls"][block.ran[step.index]].sum())
    found = questions(made, block)
    assert len(found) == asked > 0
    for one in found:
        assert one.messages
        assert one.use == "critique" or {one.answer, one.settled} <= LABELS


@pytest.mark.parametrize("kind", _kinds(AnyBuilder), ids=lambda kind: kind.__name__)
def test_the_reviews_tell_what_the_questions_tell(kind: type[Builder]) -> None:
    """Step by step: as many verdicts with the same labels, the same critiques, and the same ones borne out."""
    made, block = _overseen(kind().graph())
    asked = [one for one in questions(made, block) if one.role in ("critic", "safety")]
    for review in reviews(made, block):
        mine = [one for one in asked if one.step == review.step]
        labels = [one.answer for one in mine if one.use in ("verdict", "screen", "review_critic")]
        violated = int((review.violated_NKP & review.read_NKP).sum())
        assert Counter(labels) == Counter(
            {review.labels[0]: violated, review.labels[1]: int(review.read_NKP.sum()) - violated}
        )
        written = [(one.case_id, one.answer, one.settled is not None) for one in mine if one.use == "critique"]
        cells = zip(review.case_id_N, review.critique_N, review.borne_out_N.tolist(), strict=True)
        assert written == [(case, text, borne_out) for case, text, borne_out in cells if text is not None]


def test_a_question_is_word_for_word_what_the_model_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[Message, ...]] = []

    def heard(messages: Any, labels: Any, score: Any = script.verdict) -> Any:
        read.append(tuple(messages))
        return score(messages, labels)

    def written(messages: Any, seed: Any, critique: Any = script.critique) -> Any:
        read.append(tuple(messages))
        return critique(messages, seed)

    monkeypatch.setattr(script, "verdict", heard)
    monkeypatch.setattr(script, "critique", written)
    monkeypatch.setattr("agents.agent.build_model", lambda spec: ScriptedModel(spec))
    made, block = _overseen(load_graph("panel"))
    assert sorted(one.messages for one in questions(made, block)) == sorted(read)
    assert len(read) > 100


def test_simulated_overseers_were_asked_nothing_in_words() -> None:
    plan = compiled(load_graph("single"))
    for told in (questions, reviews):
        with pytest.raises(InputError, match="agent 'critic' is simulated: it was asked nothing in words"):
            told(arm(plan), simulate(plan, 5))  # type: ignore[operator]
