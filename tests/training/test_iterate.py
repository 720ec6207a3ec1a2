from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from agents.records import Case, Message
from constitutions.errors import InputError
from training.config import TrainSpec
from training.datasets import SftRow
from training.files import read_rows
from training.iterate import best_of_n_rows, iterate, rejection_rows, revise_until, revised_rows
from training.sampling import Drawn, Floats, load_sampler, rated

CASES = [Case(f"c{letter}", (Message("user", f"what is {letter}"),)) for letter in "abcdefgh"]


def _drawn(*texts: str) -> list[Drawn]:
    return [Drawn(text, [1], [2]) for text in texts]


def _texts(rows: Sequence[SftRow]) -> list[tuple[str, str]]:
    return [(row.lineage.case_id, row.completion[0].content) for row in rows]


def test_answers_are_revised_until_they_pass_and_only_failing_ones_are_asked_about_again() -> None:
    """Every revision takes one `bad` away; at most two are made."""
    asked: list[list[str]] = []

    def critique(cases: Sequence[Case], texts: Sequence[str]) -> list[str | None]:
        asked.append([case.case_id for case in cases])
        return ["too bad" if "bad" in text else None for text in texts]

    def revise(cases: Sequence[Case], texts: Sequence[str], critiques: Sequence[str]) -> list[str]:
        assert set(critiques) == {"too bad"}
        return [text.replace("bad ", "", 1) for text in texts]

    drafts = ["fine", "bad one", "bad bad two", "bad bad bad three"]
    found = revise_until(CASES[:4], drafts, critique, revise, 2)
    assert [(each.text, each.revisions, each.passed) for each in found] == [
        ("fine", 0, True),
        ("one", 1, True),
        ("two", 2, True),
        ("bad three", 2, False),
    ]
    assert asked == [["ca", "cb", "cc", "cd"], ["cb", "cc", "cd"], ["cc", "cd"]]
    rows = revised_rows(CASES[:4], found, "run")
    assert _texts(rows) == [("ca", "fine"), ("cb", "one"), ("cc", "two")]
    assert rows[2].lineage.steps == ("draft", "revise:1", "revise:2")
    assert (rows[0].lineage.outcome, rows[1].lineage.outcome) == ("released", "revised")


def test_rejection_keeps_different_answers_that_pass() -> None:
    drawn = [_drawn("x", "y", "y", "z"), _drawn("x", "", "y", "y")]
    passes = np.array([[False, True, True, True], [False, True, False, False]])
    assert _texts(rejection_rows(CASES[:2], drawn, passes, "run", most=2)) == [("ca", "y"), ("ca", "z")]
    assert _texts(rejection_rows(CASES[:2], drawn, passes, "run")) == [("ca", "y")]


def test_best_of_n_keeps_the_highest_reward() -> None:
    nan = float("nan")
    drawn = [_drawn("x", "y", "z"), _drawn("x", "y", "z"), _drawn("x", "y", "")]
    reward = np.array([[0.0, 2.0, nan], [nan, nan, nan], [0.0, 0.0, 9.0]])
    rows = best_of_n_rows(CASES[:3], drawn, reward, "run")
    assert _texts(rows) == [("ca", "y")]
    assert rows[0].lineage.steps == ("sample", "best_of_3")


def test_best_of_n_distillation_raises_the_reward_round_after_round(tiny: Path, tmp_path: Path) -> None:
    def reward(cases: Sequence[Case], answers: Sequence[str]) -> Floats:
        return np.array([float(answer.split().count("yes")) for answer in answers])

    means = []

    def make_rows(model: Path, number: int) -> list[SftRow]:
        drawn = load_sampler(model, most=4).draw(CASES, 16, 0, number)
        scores = rated(reward, CASES, drawn)
        means.append(float(scores.mean()))
        return best_of_n_rows(CASES, drawn, scores, "run")

    spec = TrainSpec(max_steps=20, batch_size=8, learning_rate=5e-3, log_steps=6, save_steps=None)
    results = iterate(spec, 3, make_rows, tiny, tmp_path)
    assert means[2] > means[1] > means[0]
    assert [result.checkpoint.name for result in results] == ["round-1", "round-2", "round-3"]
    assert len(read_rows(tmp_path / "round-2.jsonl")) == results[1].rows
    assert iterate(spec, 3, make_rows, tiny, tmp_path) == results


def test_a_round_without_rows_stops(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="round 1: no answer may train"):
        iterate(TrainSpec(), 2, lambda model, number: [], tiny, tmp_path)
