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
    critic = next(step for step in plan.steps if step.name == "critic.1")
    for verdict, code in ((A, 0), (X, -1)):
        words = LastWords(Told(verdicts={"critic.0": [R], "critic.1": [R], "human": [verdict]}).run(plan, 1))
        assert set(words.settled(critic, 0)[0].tolist()) == {code}
        assert words.own(critic, 0)[0].tolist().count(1) == 1
        assert words.bears_out(critic, 0).tolist() == [verdict == X]


def test_a_critic_is_borne_out_by_who_found_the_same_after_it() -> None:
    plan = compiled(load_graph("panel"))
    words = LastWords(Told(verdicts={"critic_a": [R], "critic_b": [A], "critic_c": [A]}).run(plan, 1))
    steps = {step.name: step for step in plan.steps}
    assert [words.bears_out(steps[name], 0).tolist() for name in ("critic_a", "critic_b")] == [[False], [True]]
