"""What fallible auditors say, and the rate behind it."""

from __future__ import annotations

import numpy as np
import pytest

from constitutions.errors import InputError
from experiments.statistics.bootstrap import generator
from experiments.statistics.fallible import Gold, corrected, melded, rogan_gladen
from experiments.statistics.survey import Effective, Sampled, headline

KNOWN = 10**9


def known(share: float) -> Gold:
    return Gold(round(share * KNOWN), KNOWN)


def simple(says: np.ndarray, drawn: int) -> Sampled:
    here = np.arange(len(says)) < drawn
    return Sampled(np.full(len(says), drawn / len(says)), here, here, says, np.zeros(len(says)))


def test_rogan_and_gladen_by_hand() -> None:
    assert rogan_gladen(20 / 120, 0.9, 0.99) == pytest.approx(0.17603, abs=1e-5)
    assert rogan_gladen(23 / 150, 0.96, 0.89) == pytest.approx((23 / 150 - 0.11) / 0.85)
    assert rogan_gladen(0.01, 0.9, 0.95) == 0.0
    assert rogan_gladen(1.0, 0.9, 0.95) == 1.0


def test_a_published_interval() -> None:
    """RSurveillance 0.2.1, `tp(20, 120, 0.9, 0.99, "c-p")`: 0.17603, 0.1066051 to 0.2647191, with known errors."""
    found = melded([(1.0, Effective(20, 120))], known(0.9), known(0.99), draws=1_000_000)
    assert found.value == pytest.approx(0.17603, abs=1e-5)
    assert found.low == pytest.approx(0.1066051, abs=5e-4)
    assert found.high == pytest.approx(0.2647191, abs=5e-4)


def test_auditors_who_never_err_change_nothing_and_fewer_gold_cases_leave_more_doubt() -> None:
    s = simple(np.arange(2_000) < 30, 300)
    best = corrected(s, known(1.0), known(1.0))
    assert best.value == pytest.approx(0.1)
    assert (best.low, best.high) == pytest.approx((headline(s).low, headline(s).high), abs=0.008)
    many, few = (corrected(s, Gold(9 * n, 10 * n), Gold(19 * n, 20 * n)) for n in (100, 2))
    assert few.high - few.low > many.high - many.low > best.high - best.low
    assert corrected(s, Gold(9, 10), Gold(19, 20)) == corrected(s, Gold(9, 10), Gold(19, 20))


def test_the_correction_covers_where_taking_auditors_at_their_word_does_not() -> None:
    rng = generator(1, "fallible")
    held = plain = 0
    for _ in range(400):
        truth = np.zeros(3_000, bool)
        truth[rng.choice(3_000, 150, replace=False)] = True
        s = simple(rng.random(3_000) < np.where(truth, 0.85, 0.06), 500)
        gold = Gold(int(rng.binomial(80, 0.85)), 80), Gold(int(rng.binomial(120, 0.94)), 120)
        found = corrected(s, *gold, draws=4_000)
        held += found.low <= 0.05 <= found.high
        plain += headline(s).low <= 0.05 <= headline(s).high
    assert held >= 0.95 * 400
    assert plain < 0.2 * 400


@pytest.mark.parametrize(
    ("sensitivity", "specificity", "says"),
    [
        (Gold(11, 10), Gold(9, 10), "sensitivity is 11/10"),
        (Gold(9, 10), Gold(0, 0), "specificity is 0/0"),
        (Gold(4, 10), Gold(5, 10), "accepted: more than 1"),
    ],
)
def test_impossible_gold(sensitivity: Gold, specificity: Gold, says: str) -> None:
    with pytest.raises(InputError, match=says):
        corrected(simple(np.arange(100) < 3, 20), sensitivity, specificity)
