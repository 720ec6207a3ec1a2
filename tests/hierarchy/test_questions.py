"""The questions of overseers, found again in every kind of topology: as many as were asked, as they were put."""

from __future__ import annotations

import typing
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
    silent = questions(made, block, ("critique", "screen"), worded=False)
    wanted = [one for one in found if one.use in ("critique", "screen")]
    assert [(one.case_id, one.step, one.answer, one.settled) for one in silent] == [
        (one.case_id, one.step, one.answer, one.settled) for one in wanted
    ]
    assert not any(one.messages for one in silent)


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
    with pytest.raises(InputError, match="agent 'critic' is simulated: it was asked nothing in words"):
        questions(arm(plan), simulate(plan, 5))
