"""Which released cases are drawn: probabilities, draws that have them, and keys that nobody can foresee."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hierarchy.audit.design import DesignSpec, chances, draw, draw_by, hashed

IDS = [f"case-{i}" for i in range(400)]


def test_the_highest_scores_are_certain_and_the_floor_is_even() -> None:
    planned = chances(DesignSpec(budget=4, floor=0.5), np.array([0.1, 0.9, 0.2, 0.8, 0.3, 0.0]))
    np.testing.assert_array_equal(planned.aim_N, [0, 1, 0, 1, 0, 0])
    np.testing.assert_allclose(planned.inclusion_N, [0.5, 1, 0.5, 1, 0.5, 0.5])
    assert planned.floor == 2


def test_equal_scores_are_taken_together_or_left_to_the_floor() -> None:
    planned = chances(DesignSpec(budget=4, floor=0.5), np.array([0.9, 0.5, 0.5, 0.5, 0.1, 0.1]))
    np.testing.assert_array_equal(planned.certain_N, [1, 0, 0, 0, 0, 0])
    assert planned.floor == 3
    np.testing.assert_allclose(planned.inclusion_N[1:], 3 / 5)


def test_proportional_aim_by_hand() -> None:
    # Two of four by aim: 8 * 2 / 10 > 1 is cut to 1, the rest shares one: 1/2, 1/2, 0. The floor draws 1 of 3.
    planned = chances(DesignSpec(budget=3, floor=1 / 3, aim="proportional"), np.array([8.0, 1.0, 1.0, 0.0]))
    np.testing.assert_allclose(planned.aim_N, [1, 0.5, 0.5, 0])
    np.testing.assert_allclose(planned.inclusion_N, [1, 1 - 2 / 3 * 0.5, 1 - 2 / 3 * 0.5, 1 / 3])


def test_a_budget_for_every_case_takes_every_case() -> None:
    planned = chances(DesignSpec(budget=99), np.array([0.1, 0.2]))
    assert planned.certain_N.all()
    assert draw(planned, "k", ["a", "b"]).drawn_N.all()
    assert len(chances(DesignSpec(budget=1), np.array([])).aim_N) == 0


@pytest.mark.parametrize("aim", ["top", "proportional"])
def test_cases_are_drawn_as_often_as_was_said(aim: str) -> None:
    rng = np.random.default_rng(3)
    score = rng.random(60) ** 3
    planned = chances(DesignSpec.model_validate({"budget": 20, "floor": 0.4, "aim": aim}), score)
    times, runs = np.zeros(60), 20_000
    for _ in range(runs):
        times += draw_by(planned, rng.random(60), rng.random(60), rng.random()).drawn_N
    p = planned.inclusion_N
    error = np.sqrt(p * (1 - p) / runs)
    assert (np.abs(times / runs - p) <= 4.5 * error).all()


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.500001, 0.99, 1.0]), min_size=1, max_size=40),
    st.integers(1, 45),
    st.floats(0.01, 1.0),
    st.sampled_from(["top", "proportional"]),
    st.text(min_size=1, max_size=8),
)
def test_the_budget_holds_and_everyone_can_be_drawn(
    scores: list[float], budget: int, floor: float, aim: str, key: str
) -> None:
    spec = DesignSpec.model_validate({"budget": budget, "floor": floor, "aim": aim})
    planned = chances(spec, np.array(scores))
    assert (planned.inclusion_N > 0).all()
    assert (planned.inclusion_N <= 1).all()
    found = draw(planned, key, IDS[: len(scores)])
    assert 1 <= found.drawn_N.sum() <= budget
    assert found.floor_N.sum() == planned.floor
    assert found.aimed_N.sum() == round(planned.aim_N[~planned.certain_N].sum())
    assert not (found.certain_N & (found.floor_N | found.aimed_N)).any()


def test_the_draw_is_a_function_of_key_and_case_id_alone() -> None:
    score = np.linspace(0, 1, 400)
    planned = chances(DesignSpec(budget=60), score)
    first = {IDS[i] for i in np.flatnonzero(draw(planned, "key", IDS).floor_N)}
    order = np.random.default_rng(0).permutation(400)
    shuffled = [IDS[i] for i in order]
    again = draw(chances(DesignSpec(budget=60), score[order]), "key", shuffled)
    assert {shuffled[i] for i in np.flatnonzero(again.floor_N)} == first
    other = {IDS[i] for i in np.flatnonzero(draw(planned, "another", IDS).floor_N)}
    assert len(first & other) < 15  # 30 of 370 each: 2.4 in common by chance


def test_uniforms_are_a_keyed_hash() -> None:
    secret = hashlib.blake2b(b"secret").digest()
    digest = hashlib.blake2b(b"floor\x1fcase-7", digest_size=8, key=secret).digest()
    expected = (int.from_bytes(digest, "little") >> 11) * 2.0**-53
    assert hashed("secret", "floor", ["case-7"])[0] == expected
    many = hashed("secret", "floor", [str(i) for i in range(50_000)])
    assert abs(many.mean() - 0.5) < 0.005
    assert len(np.unique(many)) == 50_000


def test_what_cannot_be_asked_for() -> None:
    with pytest.raises(ValidationError):
        DesignSpec(budget=0)
    with pytest.raises(ValidationError):
        DesignSpec(budget=5, floor=0.0)
    with pytest.raises(ValueError, match="at least 0"):
        chances(DesignSpec(budget=1), np.array([-0.1, 0.2]))
