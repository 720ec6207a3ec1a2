"""Figures from columns: values, changes on the same prompts, and the way to disk and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.recurse.columns import Column, Measures, read_measures, write_measures
from experiments.results.figures import Difference
from experiments.statistics import paired_difference, wilson
from training.sampling import Drawn


def test_a_share_is_told_with_wilsons_interval() -> None:
    column = Column.of([1, 0, 0, 1, 1], [1, 1, 1, 1, 0])
    found = column.estimate(0)
    assert found.value == 0.5
    assert (found.low, found.high) == wilson(2, 4)


def test_nats_are_no_share_even_where_all_are_nought() -> None:
    found = Column.of(np.zeros(20)).estimate(0, share=False)
    assert found.value == 0
    assert found.high is None
    same = Column.of(np.linspace(0, 9, 20))
    assert same.change(same, 0, share=False) == Difference(value=0.0, low=None, high=None)
    more = Column.of(np.linspace(0, 9, 20) * 1.5).change(same, 0, share=False)
    assert more.value == pytest.approx(2.25)
    assert more.low is not None
    assert 0 < more.low < 2.25


def test_change_on_the_same_prompts_is_paired() -> None:
    draw = np.random.default_rng(0)
    before, after = draw.random(200) < 0.5, draw.random(200) < 0.3
    among = draw.random(200) < 0.6
    found = Column.of(after, among).change(Column.of(before, among), seed=3)
    assert found == paired_difference(after[among], before[among], seed=3)


def test_change_of_ratios_counted_among_different_prompts() -> None:
    """Misses are counted among violating answers, and these differ: 1/2 of before becomes 3/4 of after."""
    before = Column.of(np.tile([1, 0, 0, 0], 50), np.tile([1, 1, 0, 0], 50))
    after = Column.of(np.tile([1, 1, 1, 0], 50), np.tile([1, 1, 1, 1], 50))
    found = after.change(before, seed=0)
    assert found.value == pytest.approx(0.25)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.25 < found.high
    assert found.low > 0


def test_nothing_to_count_among_is_not_nought() -> None:
    never = Column.of(np.zeros(10), np.zeros(10))
    assert never.estimate(0).value is None
    assert never.change(never, 0).value is None


def test_what_is_measured_survives_the_disk(tmp_path: Path) -> None:
    drawn = ((Drawn("a b", [1, 2], [3, 4]), Drawn("", [1, 2], [2])), (Drawn("c", [5], [6]), Drawn("d", [5], [7])))
    columns = {"violations": Column.of([1, 0, 1]), "kl_exact": Column.of([0.25, 1.5, 9.0], [1, 1, 0])}
    write_measures(Measures(columns, drawn), tmp_path / "measures.parquet")
    found = read_measures(tmp_path / "measures.parquet")
    assert found.drawn == drawn
    assert len(found.answers) == 4
    for name, column in columns.items():
        np.testing.assert_array_equal(found.columns[name].num_N, column.num_N)
        np.testing.assert_array_equal(found.columns[name].den_N, column.den_N)
