"""Random numbers are pure functions of names, uniform, and unrelated between names."""

from __future__ import annotations

import numpy as np
import pytest

from agents import rng

ROWS = 20_000


def test_the_mixer_is_splitmix64() -> None:
    # The first output of splitmix64 from state 0 (Steele, Lea and Flood 2014; Vigna's reference implementation).
    assert rng.mix(np.array([0x9E3779B97F4A7C15], np.uint64))[0] == 0xE220A8397B1DCDAF


def test_numbers_are_the_same_everywhere_and_for_ever() -> None:
    key = rng.key(7, "critic")
    assert key[0] == 0x054FC601C9FAF1D9
    assert rng.fold(key, np.array([0, 1, 2]), 5).tolist() == [
        0x78B273891C81C4AD,
        0x75716039252C2A05,
        0x2FF3D18E483F1B25,
    ]
    assert rng.uniform(rng.fold(key, np.arange(3))).tolist() == [
        0.11571278452946387,
        0.25362407142841126,
        0.9640068165889015,
    ]


def test_a_name_is_not_the_number_it_spells() -> None:
    assert rng.key(7, "critic") != rng.key("7", "critic")
    assert rng.key("a", "bc") != rng.key("ab", "c")


@pytest.mark.parametrize("column", range(3))
def test_uniforms_are_uniform_along_every_column(column: int) -> None:
    """Pearson's chi-squared over 64 cells: 63 degrees of freedom, 99.9 % point 103.4."""
    columns = [np.zeros(ROWS, np.int64)] * 3
    columns[column] = np.arange(ROWS)
    uniform = rng.uniform(rng.fold(rng.key("test"), *columns))
    counts = np.bincount((uniform * 64).astype(int), minlength=64)
    assert ((counts - ROWS / 64) ** 2 / (ROWS / 64)).sum() < 103.4
    assert uniform.min() >= 0
    assert uniform.max() < 1


def test_streams_folds_and_neighbours_are_unrelated() -> None:
    """Correlations of 20,000 pairs have a standard error of .007."""
    rows = np.arange(ROWS)
    one = rng.uniform(rng.fold(rng.key(1, "a"), rows, 0))
    others = [
        rng.uniform(rng.fold(rng.key(1, "b"), rows, 0)),
        rng.uniform(rng.fold(rng.key(2, "a"), rows, 0)),
        rng.uniform(rng.fold(rng.key(1, "a"), rows, 1)),
        rng.uniform(rng.fold(rng.key(1, "a"), 0, rows)),
        rng.uniform(rng.fold(rng.key(1, "a"), rows + 1, 0)),
    ]
    for other in others:
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.03


def test_normals_have_mean_zero_and_variance_one() -> None:
    normal = rng.normal(rng.fold(rng.key("normal"), np.arange(ROWS)))
    assert abs(normal.mean()) < 0.03
    assert abs(normal.var() - 1) < 0.04


def test_an_absent_text_has_a_key_of_its_own() -> None:
    keys = rng.text_keys(np.array([[None, "none"], ["", "None"]], object))
    assert keys.shape == (2, 2)
    assert len(set(keys.ravel().tolist())) == 4
