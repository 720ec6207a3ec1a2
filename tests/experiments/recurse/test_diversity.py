"""Distinct-n at a fixed number of tokens."""

from __future__ import annotations

import numpy as np
import pytest

from constitutions.errors import InputError
from experiments.recurse.diversity import HALVES, change, distinct, estimate, over_halves


def test_distinct_n_by_hand() -> None:
    answers = [[1, 2, 1, 2], [1, 2, 3]]
    assert distinct(answers, 1, 7) == 3 / 7
    assert distinct(answers, 2, 7) == 3 / 5  # 12 21 12 | 12 23: no pair crosses answers
    assert distinct(answers, 2, 5) == 2 / 3  # the second answer is cut after one token
    assert distinct(answers, 1, 8) is None


def test_a_longer_text_is_not_taken_for_a_poorer_one() -> None:
    """Without the budget the second would score lower: more tokens of the same language."""
    draw = np.random.default_rng(0)
    short = [[draw.integers(0, 50, 6).tolist()] for _ in range(60)]
    long = [[draw.integers(0, 50, 24).tolist()] for _ in range(60)]
    some, more = (over_halves(prompts, 1, 150, 0) for prompts in (short, long))
    found = change(more, some)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high


def test_repetition_lowers_it_and_the_interval_says_so() -> None:
    draw = np.random.default_rng(1)
    varied = [[draw.integers(0, 200, 8).tolist()] for _ in range(80)]
    stale = [[[7, 7, 7, 7, *answer[4:]]] for [answer] in varied]
    before, after = (over_halves(prompts, 1, 200, 3) for prompts in (varied, stale))
    assert len(before) == HALVES
    found = change(after, before)
    assert found.value == pytest.approx(after.mean() - before.mean())
    assert found.high is not None
    assert found.high < 0
    own = estimate(after)
    assert own.low is not None
    assert own.value is not None
    assert own.low < own.value < 0.8


def test_the_interval_has_the_width_of_the_standard_error() -> None:
    """Prompts of one token, of which a share .5 is the same word: distinct-1 is near-linear in the number of others,
    and the halves spread as the delete-half jackknife of a mean does: sd / sqrt(prompts)."""
    draw = np.random.default_rng(5)
    spread = []
    for _ in range(30):
        prompts = [[[0]] if draw.random() < 0.5 else [[1 + i]] for i in range(400)]
        spread.append(over_halves(prompts, 1, 200, 1).std(ddof=1))
    assert float(np.mean(spread)) == pytest.approx(0.5 / np.sqrt(400), rel=0.15)


def test_too_few_tokens_are_an_input_error() -> None:
    with pytest.raises(InputError, match="half the drawn answers have 4 tokens; expected at least 5"):
        over_halves([[[1, 2]]] * 4, 1, 5, 0)
