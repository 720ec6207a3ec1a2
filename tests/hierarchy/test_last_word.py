from __future__ import annotations

from hierarchy.last_word import LastWords
from hierarchy.topology import load_graph
from tests.hierarchy.graphs import A, E, M, R, Told, X, compiled


def last(verdicts: dict[str, list[object]], step: str, graph: str) -> str | None:
    """The name of the step with the last word on what `step` judged in one case."""
    plan = compiled(load_graph(graph))
    words = LastWords(Told(verdicts=verdicts).run(plan, 1))  # type: ignore[arg-type]
    index = int(words.on(next(s for s in plan.steps if s.name == step), 0)[0])
    return plan.steps[index].name if index >= 0 else None


def test_a_later_word_on_another_response_is_not_on_this_one() -> None:
    assert last({"critic.0": [R], "critic.1": [A]}, "critic.0", "single") == "critic.0"
    assert last({"critic.0": [R], "critic.1": [A]}, "critic.1", "single") == "critic.1"


def test_a_person_has_the_last_word_on_the_response_that_waited_for_them() -> None:
    told = {"critic.0": [R], "critic.1": [R], "human": [A]}
    assert last(told, "critic.1", "single") == "human"
    assert last(told, "critic.0", "single") == "critic.0"


def test_a_consensus_has_it_over_its_members() -> None:
    assert last({"critic_a": [R], "critic_b": [A], "critic_c": [A]}, "critic_a", "panel") == "vote"


def test_who_could_not_be_read_or_only_passed_the_case_on_has_no_word() -> None:
    told = {"screen": [R], "critic": [A], "agree": [E], "strong": [A]}
    assert last(told, "critic", "layers") == "strong"
    assert last({**told, "strong": [M], "human": [X]}, "critic", "layers") == "human"


def test_a_person_who_accepts_overrules_and_who_rejects_names_no_principle() -> None:
    plan = compiled(load_graph("single"))
    for verdict, accepts in ((A, True), (X, False)):
        block = Told(verdicts={"critic.0": [R], "critic.1": [R], "human": [verdict]}).run(plan, 1)
        words = LastWords(block)
        human = next(step for step in plan.steps if step.name == "human")
        assert words.accepts(human.index, 0) == accepts
        assert words.flags(human.index, 0, 0) is None
    critic = next(step for step in plan.steps if step.name == "critic.1")
    flags = words.flags(critic.index, 0, 0)
    assert flags is not None
    assert list(flags.values()).count(True) == 1
