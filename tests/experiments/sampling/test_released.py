"""What counts as released without a person, and what its reviewers thought."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.cases import load_cases
from experiments.config import load_experiment
from experiments.prepare import prepare_arm
from experiments.run import run_experiment
from experiments.sampling.released import Released, payloads, released
from hierarchy.block import Block
from hierarchy.executor import read_back
from hierarchy.journal import Journal
from tests.experiments.commands import CONFIGS


def of(suspicion: list[list[float]], heard: list[list[int]]) -> Released:
    rows = np.arange(len(suspicion))
    return Released(rows, rows.astype(object), np.array(suspicion), np.array(heard, bool))


def test_scores_by_hand() -> None:
    found = of([[0.9, 0.3], [0.2, 0.8], [0.1, 0.1], [0.5, 0.5]], [[1, 1], [1, 0], [1, 1], [0, 0]])
    np.testing.assert_allclose(found.model_N, [0.6, 0.2, 0.1, 0.5])
    np.testing.assert_allclose(found.score("priority"), [0.9, 0.2, 0.1, 1.0])
    np.testing.assert_allclose(found.score("uncertainty"), [0.8, 0.4, 0.2, 1.0])
    np.testing.assert_allclose(found.score("disagreement"), [0.6, 0.0, 0.0, 0.0])


def test_an_arm_without_reviewers_has_no_opinion() -> None:
    found = Released(np.arange(3), np.arange(3).astype(object), np.zeros((3, 0)), np.zeros((3, 0), bool))
    for design in ("priority", "uncertainty", "disagreement"):
        assert len(np.unique(found.score(design))) == 1
    np.testing.assert_array_equal(found.model_N, 0.5)


def block_of(graph: str, out: Path) -> Block:
    sets = ["dataset.size=200", f"arms={{a: {{graph: {graph}}}}}", "compare=[]", "auditor.budget=5"]
    spec = load_experiment(CONFIGS / "simulated.yaml", sets)
    done = run_experiment(spec, out)
    with Journal.open(done.folder.journal) as journal:
        return read_back(prepare_arm(spec, "a"), load_cases(spec.dataset, spec.seed)[0], journal)


def test_reviewers_of_the_released_response_count(tmp_path: Path) -> None:
    block = block_of("single", tmp_path / "run")
    found = released(block)
    revised = block.final().revision_NK[found.rows_N, 0] > 0
    # Reviewers are critic.0 and critic.1: the second one read the revision, the first one what came before it.
    assert 0 < revised.sum() < len(revised)
    np.testing.assert_array_equal(found.heard_NR, np.column_stack([~revised, revised]))


def test_where_nobody_reviewed_the_revision_those_before_it_count(tmp_path: Path) -> None:
    block = block_of("layers", tmp_path / "run")
    found = released(block)
    revised = block.final().revision_NK[found.rows_N, 0] > 0
    assert revised.any()
    assert found.heard_NR[revised].all()


def test_an_auditor_sees_the_answer_and_nothing_hidden(tmp_path: Path) -> None:
    block = block_of("single", tmp_path / "run")
    rows = released(block).rows_N[:3]
    seen = payloads(block, rows)
    assert [set(one) for one in seen] == [{"messages", "region", "tags", "response", "latent"}] * 3
    assert [one["latent"] for one in seen] == pytest.approx(block.final().latent_NK[rows, 0].astype(int))
