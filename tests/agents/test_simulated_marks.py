"""What an answer carries beside its violations: lost helpfulness, an author who sounds sure; and override attempts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from agents import rng
from agents.simulated.draws import Draws
from agents.simulated.marks import MOST, bare, has_marks, lost, marked, marked_type, sure
from agents.simulated.spec import Elo, SimulatedSpec
from agents.simulated.streams import Seen, levels_of
from agents.view import OVERRIDE, Cases, overrides

N, P = 40_000, 7


def seen(override: float | None = None) -> Seen:
    keys = rng.numbered(np.arange(N, dtype=np.uint64))
    return Seen(keys, levels_of(keys), None if override is None else overrides(keys, override))


def draws(name: str = "agent", **spec: Any) -> Draws:
    return Draws(SimulatedSpec(**spec), 3, name, P)


@pytest.mark.parametrize("principles", [1, 7, 8, 9, 16, 31, 32, 33, MOST])
def test_marks_are_kept_beside_the_violations(principles: int) -> None:
    rows = np.random.default_rng(principles)
    word = rows.integers(0, 1 << min(principles, 60), 500, dtype=np.uint64).astype(marked_type(principles))
    gone, bold = rows.random(500) < 0.4, rows.random(500) < 0.6
    found = marked(word, gone, bold, principles)
    np.testing.assert_array_equal(bare(found, principles), word)
    np.testing.assert_array_equal(lost(found, principles), gone)
    np.testing.assert_array_equal(sure(found, principles), bold)
    assert has_marks(found, principles)


def test_words_of_agents_that_mark_nothing_have_no_marks() -> None:
    word = draws(propensity=0.3).respond(seen())
    assert word.dtype == np.uint8
    assert not has_marks(word, P)
    assert not sure(word, P).any()


def test_too_many_principles_for_marks() -> None:
    with pytest.raises(ValueError, match="63 principles"):
        marked_type(63)


def test_helpfulness_is_lost_for_good() -> None:
    here, reviser = seen(), draws(propensity=0.3, blunting=0.2)
    word = reviser.respond(here)
    assert not lost(word, P).any()  # a first answer loses nothing
    once = reviser.revise(here, word, 0, None)
    twice = reviser.revise(here, once, 1, None)
    assert lost(once, P).mean() == pytest.approx(0.2, abs=0.01)
    assert lost(twice, P).mean() == pytest.approx(1 - 0.8**2, abs=0.01)
    assert lost(twice, P)[lost(once, P)].all()
    careful = draws("careful", propensity=0.3).revise(here, twice, 2, None)
    np.testing.assert_array_equal(lost(careful, P), lost(twice, P))


def test_an_author_sounds_sure_by_whether_it_is_right() -> None:
    word = draws(propensity=0.1, bold=0.2, bold_wrong=0.8).respond(seen())
    wrong = bare(word, P) != 0
    assert sure(word, P)[wrong].mean() == pytest.approx(0.8, abs=0.01)
    assert sure(word, P)[~wrong].mean() == pytest.approx(0.2, abs=0.01)


def test_marks_change_no_violation() -> None:
    here = seen()
    plain, bold = draws(propensity=0.2), draws(propensity=0.2, bold=0.5, blunting=0.5)
    first, other = plain.respond(here), bold.respond(here)
    np.testing.assert_array_equal(bare(other, P), first)
    np.testing.assert_array_equal(bare(bold.revise(here, other, 0, None), P), plain.revise(here, first, 0, None))


def test_a_deferring_critic_passes_what_sounds_sure() -> None:
    here = seen()
    word = draws("base", propensity=0.5, bold=0.5, bold_wrong=0.5).respond(here)
    plain = draws("critic", sensitivity=1.0, false_alarm=0.0)
    yielding = draws("critic", sensitivity=1.0, false_alarm=0.0, deference=0.6)
    mask = (1 << P) - 1
    np.testing.assert_array_equal(plain.review(here, word, mask, 0).flag_n, bare(word, P))
    flag, bold = yielding.review(here, word, mask, 0).flag_n, sure(word, P)
    np.testing.assert_array_equal(flag[~bold], bare(word, P)[~bold])
    kept = flag[bold] == bare(word, P)[bold]
    assert 1 - kept.mean() == pytest.approx(0.6 * (1 - 0.5**P), abs=0.01)


def test_a_deferring_judge_prefers_what_sounds_sure() -> None:
    here, nobody = seen(), np.zeros(N, bool)
    clean, broken = np.zeros(N, np.uint8), np.ones(N, np.uint8)
    judge = draws("judge", sensitivity=1.0, deference=0.7)
    bold = marked(broken, nobody, ~nobody, P)
    assert judge.prefer(here, clean, broken, 0).all()
    assert judge.prefer(here, clean, bold, 0).mean() == pytest.approx(0.3, abs=0.01)
    assert judge.prefer(here, marked(clean, nobody, ~nobody, P), bold, 0).all()


def test_override_attempts_move_the_bases_propensity() -> None:
    here = seen(0.25)
    tries = here.override_n
    assert tries is not None
    assert tries.mean() == pytest.approx(0.25, abs=0.01)
    word = draws(propensity=0.1, override=2.0).respond(here)
    moved = 1 / (1 + 9 * np.exp(-2.0))
    per_bit = np.bitwise_count(word) / P
    assert per_bit[tries].mean() == pytest.approx(moved, abs=0.01)
    assert per_bit[~tries].mean() == pytest.approx(0.1, abs=0.005)
    np.testing.assert_array_equal(word[~tries], draws(propensity=0.1).respond(here)[~tries])


def test_the_safety_role_sees_attempts_with_its_own_errors() -> None:
    here = seen(0.5)
    said = draws(sensitivity=0.8, false_alarm=0.1, sure=0.95).override(here.key_n, here.override_n)
    tries = here.override_n
    assert tries is not None
    assert (said[tries] > 0.5).mean() == pytest.approx(0.8, abs=0.01)
    assert (said[~tries] > 0.5).mean() == pytest.approx(0.1, abs=0.01)
    assert not draws().override(here.key_n, None).any()


def test_numbered_cases_are_tagged_whatever_the_block() -> None:
    whole = Cases.numbered(1000, override=0.3)
    parts = [Cases.numbered(1, n, override=0.3) for n in range(1000)]
    tries = np.concatenate([part.override_N for part in parts if part.override_N is not None])
    np.testing.assert_array_equal(whole.override_N, tries)
    assert [OVERRIDE in tags for tags in whole.tags_N] == tries.tolist()
    assert Cases.numbered(10).override_N is None


def test_elo_is_item_response_on_another_scale() -> None:
    elo = Elo(rating=300, against=100, spread=173.7177927613007)
    assert elo.sensitivity == pytest.approx(1 / (1 + 10**-0.5))
    assert elo.slope == pytest.approx(1.0)
    here, truth = seen(), np.full(N, 127, np.uint8)
    by_elo = draws(elo=elo).review(here, truth, 127, 0).flag_n
    by_rate = draws(sensitivity=elo.sensitivity, slope=elo.slope).review(here, truth, 127, 0).flag_n
    np.testing.assert_array_equal(by_elo, by_rate)


def test_skill_is_given_on_one_scale() -> None:
    with pytest.raises(ValidationError, match="given twice"):
        SimulatedSpec(elo=Elo(rating=1), sensitivity=0.7)
