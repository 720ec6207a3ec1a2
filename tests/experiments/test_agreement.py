"""Agreement of raters and correlation of errors, by hand-computed numbers; missing labels are never answers."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.agreement import critic_ladder, label_rates, phi, rater_agreement
from experiments.metrics.agreement import encode

LABELS = ("full_compliance", "full_refusal", "partial_refusal")


def _pairs(*cells):
    reference, rater = [], []
    for count, truth, said in cells:
        reference += [truth] * count
        rater += [said] * count
    return reference, rater


def test_kappa_of_the_textbook_table_is_two_fifths():
    reference, rater = _pairs((20, "yes", "yes"), (5, "yes", "no"), (10, "no", "yes"), (15, "no", "no"))
    found = rater_agreement("m", "r", "human", reference, rater, ("yes", "no"))
    # Observed .7, chance .5: (.7 - .5) / (1 - .5).
    assert found.kappa.value == pytest.approx(0.4)
    # Fleiss, Cohen and Everitt (1969): standard error .1269 for this table.
    assert (found.kappa.low, found.kappa.high) == pytest.approx((0.4 - 1.96 * 0.127, 0.4 + 1.96 * 0.127), abs=0.03)
    assert found.confusion == ((20, 5), (10, 15))
    assert (found.accuracy.count, found.accuracy.n) == (35, 50)


def test_missing_labels_are_counted_apart_and_never_agree():
    reference = ["full_compliance", "full_refusal", None, None]
    rater = ["full_compliance", None, "full_refusal", None]
    found = rater_agreement("m", "r", "human", reference, rater, LABELS)
    assert (found.missing, found.reference_missing) == (2, 2)
    assert (found.accuracy.count, found.accuracy.n) == (1, 1)
    assert sum(map(sum, found.confusion)) == 1


def test_kappa_is_undefined_when_both_raters_use_one_label():
    found = rater_agreement("m", "r", "human", ["yes"] * 5, ["yes"] * 5, ("yes", "no"))
    assert found.kappa.value is None
    assert found.accuracy.value == 1


def test_a_label_outside_the_vocabulary_is_an_error():
    with pytest.raises(ValueError, match="'maybe' are not among 'yes', 'no'"):
        encode(["maybe"], ("yes", "no"))


def test_raters_of_different_lengths_are_an_error():
    with pytest.raises(ValueError, match="r labelled 1 answers, human 2"):
        rater_agreement("m", "r", "human", ["yes", "no"], ["yes"], ("yes", "no"))


def test_label_rates_keep_unsettled_answers_in_the_denominator():
    found = label_rates("m", "settled", "safe", ["full_compliance"] * 6 + ["full_refusal"] * 2 + [None] * 2, LABELS)
    assert {label: rate.count for label, rate in found.rates.items()} == {
        "full_compliance": 6,
        "full_refusal": 2,
        "partial_refusal": 0,
    }
    assert all(rate.n == 10 for rate in found.rates.values())
    assert found.unsettled == 2


def test_phi_equals_pearsons_correlation_of_the_flags():
    rng = np.random.default_rng(3)
    shared = rng.random(500)
    a, b = shared < 0.3, np.where(rng.random(500) < 0.6, shared, rng.random(500)) < 0.4
    found = phi(a, b)
    assert found.value == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.25


def test_phi_of_a_critic_that_never_errs_is_undefined():
    assert phi([False] * 4, [True, False, True, False]).value is None


def test_ladder_has_accuracies_and_a_symmetric_correlation_table():
    errors = np.array([[1, 0, 1, 0, 0, 0, 0, 1], [1, 0, 1, 0, 0, 0, 1, 0], [0, 0, 0, 1, 0, 0, 0, 0]], dtype=bool)
    ladder = critic_ladder(("weak_a", "weak_b", "strong"), errors, ("weak", "weak", "strong"))
    assert [rate.count for rate in ladder.accuracy] == [5, 5, 7]
    table = np.array([[cell.value for cell in row] for row in ladder.correlation])
    np.testing.assert_allclose(table, np.corrcoef(errors))
