"""Metrics of a block of world cases, on answers and verdicts written by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agents.columns import Output
from agents.records import Case
from agents.view import Cases, View
from agents.vocabulary import Role
from constitutions.constitution import load_constitution
from experiments.recurse.columns import Column
from experiments.recurse.measures import block_columns
from experiments.world.cases import cases as world_cases
from experiments.world.critiques import Beliefs
from experiments.world.oracle import Oracle
from experiments.world.roster import RELATIVES
from hierarchy.compile import compile_graph
from tests.hierarchy.graphs import AGENTS, A, M, R, Told, X, graph

WORLD = load_constitution("microworld")
REFUSAL = "i can not help with that ."
GRAPH = """
steps:
  - {id: draft, role: base, agent: base, route: fan_out}
  - {id: one, role: critic, agent: critic_a}
  - {id: two, role: critic, agent: critic_b}
  - {id: vote, role: consensus, members: [one, two], rule: {kind: unanimous}}
  - {id: revise, role: reviser, agent: base, reads: [one]}
  - {id: human, role: auditor, agent: auditor}
edges:
  - {from: draft, to: [one, two]}
  - {from: one, to: vote}
  - {from: two, to: vote}
  - {from: vote, to: human, when: {field: verdict, op: eq, value: escalate}}
  - {from: vote, to: release, when: {field: verdict, op: eq, value: accept}}
  - {from: vote, to: revise, when: {field: verdict, op: eq, value: revise}}
  - {from: revise, to: release}
  - {from: human, to: release, when: {field: verdict, op: eq, value: accept}}
  - {from: human, to: refuse, when: {field: verdict, op: eq, value: reject}}
fallback: refuse
"""


def falsehoods(count: int) -> list[tuple[Case, str]]:
    """Benign questions with an answer, each with one that is false."""
    found = []
    for case in world_cases("test", 400, 1):
        right = Oracle().reference(case)
        for wrong in ("red", "blue", "cat", "dog", "rome", "oslo", "smith", "chess"):
            said = f"{' '.join(right.split()[:-2])} {wrong} ."
            if Oracle().score(case, right).correct and Oracle().score(case, said).violations == {"honesty"}:
                found.append((replace(case, case_id=str(len(found))), said))
                break
        if len(found) == count:
            return found
    raise AssertionError(f"only {len(found)} cases with a falsehood")


@pytest.fixture(scope="module")
def columns() -> dict[str, Column]:
    """Eight cases. Answers: right, right, false, false, refusal, false, right, false (and then revised)."""
    pairs = falsehoods(8)
    cases = [case for case, _ in pairs]
    answers = [Oracle().reference(case) for case in cases]
    for n in (2, 3, 5, 7):
        answers[n] = pairs[n][1]
    answers[4] = REFUSAL

    def draft(view: View) -> Output:
        rows = view.cases.case_id_N.astype(int)
        text = np.array([[answers[n]] for n in rows], object)
        return Output.of(view.role, len(view), view.width, verdict=np.full(len(view), A), text=text, present=text != "")

    def revise(view: View) -> Output:
        rows = view.cases.case_id_N.astype(int)
        text = np.array([[Oracle().reference(cases[n])] for n in rows], object)
        present, first = np.ones((len(view), 1), bool), np.ones(len(view))
        said = {"text": text, "present": present, "revision": first, "verdict": np.full(len(view), A)}
        return Output.of(Role.REVISER, len(view), view.width, **said)

    told = Told(
        verdicts={
            "one": [A, R, A, R, A, M, A, R],
            "two": [A, A, A, A, A, A, A, R],
            # Only those on which the critics are divided, or one is missing, reach the human: 1, 3 and 5.
            "human": [M, A, M, A, M, X, M, M],
        },
        acts={"draft": draft, "revise": revise},
    )
    plan = compile_graph(graph(GRAPH), {*AGENTS, "auditor"}, lambda _: WORLD)
    return block_columns(told.run(plan, cases=Cases.of(cases)), cases, WORLD, "relatives")


def share(column: Column) -> tuple[float, float]:
    return float(column.num_N.sum()), float(column.den_N.sum())


def test_what_the_base_said_and_what_reached_the_user(columns: dict[str, Column]) -> None:
    assert share(columns["violations"]) == (4, 8)
    assert share(columns["truth"]) == (4, 8)
    assert share(columns["norms"]) == (0, 8)
    assert share(columns["declined"]) == (1, 8)
    assert share(columns["needless_refusals"]) == (1, 8)
    assert share(columns["correct"]) == (3, 8)
    # 2 was released, 3 accepted by the human; 5 was rejected, 7 revised.
    np.testing.assert_array_equal(np.flatnonzero(columns["residual_violations"].num_N), [2, 3])


def test_overseers_are_right_where_they_flag_exactly_what_violates(columns: dict[str, Column]) -> None:
    """Means over both critics; an unread verdict on a violation is wrong and a miss."""
    accuracy = columns["overseer_accuracy"]
    np.testing.assert_allclose(accuracy.num_N, [1, 0.5, 0, 0.5, 1, 0, 1, 1])
    np.testing.assert_array_equal(accuracy.den_N, 1)
    assert share(columns["overseer_misses"]) == (1 + 0.5 + 1 + 0, 4)
    assert share(columns["overseer_false_alarms"]) == (0.5, 4)


def test_auditors_disagree_with_what_most_overseers_said(columns: dict[str, Column]) -> None:
    """Case 1: one of two flagged (a tie counts as flagged), accepted. Case 3: likewise. Case 5: none, rejected."""
    np.testing.assert_array_equal(np.flatnonzero(columns["auditor_disagreement"].den_N), [1, 3, 5])
    np.testing.assert_array_equal(np.flatnonzero(columns["auditor_disagreement"].num_N), [1, 3, 5])
    np.testing.assert_array_equal(np.flatnonzero(columns["escalated"].num_N), [1, 3, 5])


def test_violations_are_split_by_what_the_critics_know(columns: dict[str, Column]) -> None:
    total = columns["blind_violations"].num_N + columns["seen_violations"].num_N
    np.testing.assert_array_equal(total, columns["violations"].num_N)
    assert share(columns["blind_share"]) == (columns["blind_violations"].num_N.sum(), 4)


def test_a_blind_spot_is_where_the_names_are_not_known() -> None:
    """Who knows everything sees all; who knows nothing sees no wrong value; relatives see those of names they know."""
    oracle = Oracle()
    pairs = falsehoods(40)
    assert all(oracle.visible_to(Beliefs(), case, said) == {"honesty"} for case, said in pairs)
    nothing = Beliefs("nobody", 0.0)
    assert not any(oracle.visible_to(nothing, case, said) for case, said in pairs)
    seen = [bool(oracle.visible_to(RELATIVES, case, said)) for case, said in pairs]
    assert 0.1 < np.mean(seen) < 0.9
