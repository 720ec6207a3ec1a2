"""Audit budgets: who of a window escalates, and that nothing but the window decides it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.columns import Output, Width
from agents.view import Cases, View
from agents.vocabulary import Role, Verdict
from constitutions.errors import InputError
from constitutions.validation import validate
from constitutions.yaml_source import Document
from hierarchy.arm import Arm
from hierarchy.builders import build
from hierarchy.executor import Executor, LocalRoles, LocalShards, Writer, read_back, recalled
from hierarchy.journal import Journal
from hierarchy.memory import Memory
from hierarchy.ray_executor import RayShards
from hierarchy.records import case_table, digest, tables
from hierarchy.rules import TopShare
from hierarchy.windows import Window, complete, whole_windows
from tests.hierarchy.graphs import A, E, M, R, compiled, constitution, crew, without_syncing
from tests.hierarchy.test_graph import CRITIC, DRAFT, HUMAN, refused

PRINCIPLES = 2


def scored(suspicion: list[float], unread: list[int] = []) -> Output:  # noqa: B006 (never changed)
    """A monitor's output with these suspicions on the first principle; unread rows are missing."""
    score = np.array(suspicion)[:, None, None] * np.array([1.0, 0.0])
    read = ~np.isin(np.arange(len(suspicion)), unread)
    flag = score >= 0.5
    return Output.of(
        Role.SAFETY,
        len(suspicion),
        Width(1, PRINCIPLES),
        verdict=np.where(read, np.where(flag.any(axis=(1, 2)), R, A), M),
        flagged=flag.any(axis=(1, 2)),
        finding_asked=np.ones(score.shape, bool),
        finding_present=np.broadcast_to(read[:, None, None], score.shape),
        finding_flag=flag & read[:, None, None],
        finding_confidence=np.where(flag, score, 1 - score),
    )


def chosen(rule: TopShare, *members: Output) -> list[int]:
    """Which rows escalate."""
    names = tuple(f"m{i}" for i in range(len(members)))
    n = len(members[0])
    view = View(
        Role.CONSENSUS,
        Cases.numbered(n),
        constitution().subset(constitution().ids[:PRINCIPLES]),
        reads=dict(zip(names, members, strict=True)),
        position_N=np.arange(n),
    )
    said = Window(rule, names).act(view)
    assert set(said["verdict"].tolist()) <= {A, E}
    return np.flatnonzero(said["verdict"] == Verdict.ESCALATE).tolist()


@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=60, unique=True),
    st.integers(0, 1000),
    st.one_of(st.none(), st.integers(1, 70)),
)
@settings(max_examples=150)
def test_the_largest_scores_of_each_window_escalate(scores: list[int], tenths: int, window: int | None) -> None:
    rule = TopShare(percent=tenths / 10, window=window)
    size = window or len(scores)
    expected: list[int] = []
    for first in range(0, len(scores), size):
        rows = range(first, min(first + size, len(scores)))
        best = sorted(rows, key=lambda n: -scores[n])[: tenths * len(rows) // 1000]
        expected += sorted(best)
    assert chosen(rule, scored([score / 100 for score in scores])) == sorted(expected)


def test_the_budget_is_counted_exactly() -> None:
    """29 % of 100 is 29, which floating point would make 28."""
    assert len(chosen(TopShare(percent=29), scored([i / 100 for i in range(100)]))) == 29
    assert len(chosen(TopShare(percent=0.1), scored([0.5] * 1000))) == 1


def test_ties_are_broken_by_the_case_and_not_by_its_place() -> None:
    picked = np.array(chosen(TopShare(percent=50), scored([0.3] * 400)))
    assert len(picked) == 200
    assert 70 < (picked < 200).sum() < 130


def test_several_members_are_ranked_by_their_mean() -> None:
    assert chosen(TopShare(percent=34), scored([0.9, 0.1, 0.6]), scored([0.1, 0.2, 0.6])) == [2]


def test_what_could_not_be_read_escalates_inside_the_budget_or_not() -> None:
    assert chosen(TopShare(percent=20), scored([0.9, 0.8, 0.1, 0.1, 0.1], unread=[3])) == [3]
    assert chosen(TopShare(percent=0), scored([0.9, 0.1], unread=[1])) == [1]
    assert chosen(TopShare(percent=40), scored([0.9, 0.8, 0.1, 0.1, 0.1], unread=[3])) == [0, 3]


def test_a_lottery_takes_its_share_of_the_budget_from_whoever_is_left() -> None:
    scores = [i / 1000 for i in range(1000)]
    picked = chosen(TopShare(percent=10, lottery=0.4), scored(scores))
    assert len(picked) == 100
    assert set(range(940, 1000)) <= set(picked)
    drawn = [n for n in picked if n < 940]
    assert len(drawn) == 40
    assert 200 < np.mean(drawn) < 740
    assert len(chosen(TopShare(percent=10, lottery=1), scored(scores))) == 100


def test_a_window_is_complete_when_all_its_rows_are_ready() -> None:
    ready = np.array([True, True, True, False, True])
    assert complete(ready, 2).tolist() == [True, True, False, False, True]
    assert complete(ready, None).tolist() == [False] * 5


def test_blocks_keep_windows_whole() -> None:
    def plan(window: int | None) -> object:
        return compiled(build("trusted_monitoring", window=window))

    assert whole_windows(7, 1000, plan(10)) == 10  # type: ignore[arg-type]
    assert whole_windows(64, 1000, plan(10)) == 70  # type: ignore[arg-type]
    assert whole_windows(64, 1000, plan(10), plan(15)) == 90  # type: ignore[arg-type]
    assert whole_windows(64, 1000, plan(None)) == 1000  # type: ignore[arg-type]
    assert whole_windows(64, 1000, compiled(build("single"))) == 64


SPEC = {"propensity": 0.3, "false_alarm": 0.1, "missing": 0.05, "noise": 1.0}


def records(executor: Executor, arms: list[Arm], path: Path, cases: int = 60) -> str:
    numbered = Cases.numbered(cases)
    with Journal.open(path) as journal:
        parts = []
        for one in arms:
            executor.run(one, numbered, Writer(journal, lambda count: None))
            block = read_back(one, numbered, journal)
            parts += [*tables(one.name, block), case_table(one.name, block)]
    return digest(*parts)


@pytest.fixture(scope="module")
def monitored() -> list[Arm]:
    given = [{"budget": 20, "window": 10}, {"budget": 30}, {"budget": 50, "window": 17}]
    plans = [compiled(build("trusted_monitoring", **one)) for one in given]
    return [Arm(f"arm{i}", plan, crew(**SPEC), 3) for i, plan in enumerate(plans)]


def test_every_executor_block_and_batch_escalates_the_same_cases(
    monitored: list[Arm], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_syncing(monkeypatch)
    expected = records(LocalShards(1000), monitored, tmp_path / "whole")
    for i, size in enumerate((1, 7, 25)):
        assert records(LocalShards(size), monitored, tmp_path / f"shards{i}") == expected
        assert records(LocalRoles(size), monitored, tmp_path / f"roles{i}") == expected


@pytest.mark.ray
def test_shards_on_ray_escalate_the_same_cases(
    monitored: list[Arm], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ray_cluster: str
) -> None:
    without_syncing(monkeypatch)
    expected = records(LocalShards(1000), monitored, tmp_path / "whole")
    assert records(RayShards(2, 7), monitored, tmp_path / "ray") == expected


def test_a_window_that_is_known_in_part_is_decided_as_a_whole(
    monitored: list[Arm], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash between two commits: some of a window's rows are in the journal, the others are not."""
    without_syncing(monkeypatch)
    arm, cases = monitored[0], Cases.numbered(60)
    with Journal.open(tmp_path / "whole") as journal:
        LocalShards(1000).run(arm, cases, Writer(journal, lambda count: None))
        known = journal.known(cases.case_id_N.tolist())
        expected = read_back(arm, cases, journal).fired
    with Journal.open(tmp_path / "part") as journal:
        journal.record([batch.take(batch.case_id_N.astype(int) % 3 > 0) for batch in known])
        LocalShards(1000).run(arm, cases, Writer(journal, lambda count: None))
        assert (read_back(arm, cases, journal).fired == expected).all()


def test_what_is_known_is_read_back_a_few_cases_at_a_time_in_any_order(
    monitored: list[Arm], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who escalates was settled when the window was whole."""
    without_syncing(monkeypatch)
    arm, cases = monitored[0], Cases.numbered(60)
    with Journal.open(tmp_path / "whole") as journal:
        LocalShards(1000).run(arm, cases, Writer(journal, lambda count: None))
        whole, memory = read_back(arm, cases, journal), Memory(journal.known(cases.case_id_N.tolist()))
    for rows in np.split(np.arange(60)[::-1], range(7, 60, 7)):
        part = recalled(arm, cases.take(rows), memory)
        assert (part.fired == whole.fired[:, rows]).all()
        assert (part.outcomes() == whole.outcomes()[rows]).all()


def test_another_arms_window_is_not_recalled(
    monitored: list[Arm], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two arms ask one monitor the same; who is among the top of each depends on that arm's own cases."""
    without_syncing(monkeypatch)
    one = monitored[0]
    harmless = replace(one, name="other", agents={**one.agents, "base": crew(propensity=0.0)["base"]})
    alone = records(LocalShards(1000), [harmless], tmp_path / "alone")
    with Journal.open(tmp_path / "both") as journal:
        for arm in (one, harmless):
            LocalShards(1000).run(arm, Cases.numbered(60), Writer(journal, lambda count: None))
        block = read_back(harmless, Cases.numbered(60), journal)
        assert digest(*tables("other", block), case_table("other", block)) == alone


BUDGET = "{id: budget, role: consensus, members: [critic], rule: {kind: top_share, percent: 5}}"
ENDS = ["{from: budget, to: release, when: {field: verdict, op: eq, value: accept}}"]


def test_a_window_in_a_loop_is_refused() -> None:
    edges = [
        "{from: draft, to: critic}",
        "{from: critic, to: budget}",
        "{from: budget, to: draft, when: {field: verdict, op: eq, value: escalate}, max_rounds: 1}",
        "{from: budget, to: refuse, exhausted: true}",
        *ENDS,
    ]
    refused([DRAFT, CRITIC, BUDGET], edges, "'budget'", "'top_share' is inside a loop")


def test_a_window_behind_an_auditor_is_refused() -> None:
    edges = [
        "{from: draft, to: human}",
        "{from: human, to: critic, when: {field: verdict, op: eq, value: accept}}",
        "{from: critic, to: budget}",
        *ENDS,
    ]
    refused([DRAFT, HUMAN, CRITIC, BUDGET], edges, "'budget'", "behind auditor 'human'")


@pytest.mark.parametrize(
    ("given", "words"),
    [({"percent": -1}, "percent"), ({"percent": 101}, "percent"), ({"percent": 5, "window": 0}, "window")],
)
def test_impossible_budgets(given: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        validate(Document("rule", given), TopShare)
