"""Contamination, drift, coverage and label noise, by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from agents.figures import Estimate
from training.checks.columns import Columns
from training.checks.contamination import contamination
from training.checks.coverage import coverage
from training.checks.drift import drift, drifts, refuses, standardised
from training.checks.noise import Looked, disputed, label_noise
from training.checks.spec import ContaminationSpec
from training.lineage import Lineage


def rows(*pairs: tuple[str, str]) -> Columns:
    return Columns(*map(tuple, zip(*pairs, strict=True)), names=tuple(f"row {i}" for i in range(len(pairs))))


def lineage(*principles: str, verdicts: tuple[tuple[str, str], ...] = (), audited: bool = False) -> Lineage:
    return Lineage("run", "arm", "case", (), principles, verdicts, "released", 1.0, audited, 1.0)


SET = rows(
    ("What is the boss of Ana?", "the boss of ana is bob ."),
    ("tell me a story", "once upon a time there was a king who had three daughters and a garden"),
    ("what is the  BOSS of ana", "i do not know ."),
)


def test_a_prompt_given_away_word_for_word_is_found_whatever_its_case_and_spaces() -> None:
    found = contamination(SET, ["what is the boss of ana ?", "what is the boss of eva ?"], ContaminationSpec())
    assert (found.prompts, found.exact, found.overlapping, found.short, found.rows) == (2, 1, 0, 2, 2)
    assert found.share == 0.5
    (leak,) = found.worst
    assert (leak.prompt, leak.exact, leak.row_name) == ("what is the boss of ana ?", True, "row 0")


def test_a_prompt_most_of_whose_runs_are_in_an_answer_is_found() -> None:
    """Ten words are seven runs of four; six of them are in the story, the one with `queen` is not."""
    prompt = "once upon a time there was a king who queen"
    spec = ContaminationSpec(ngram=4, overlap=6 / 7)
    found = contamination(SET, [prompt], spec)
    assert (found.exact, found.overlapping) == (0, 1)
    assert found.worst[0].overlap == pytest.approx(6 / 7)
    assert found.worst[0].row_name == "row 1"
    above = spec.model_copy(update={"overlap": 0.86})
    assert contamination(SET, [prompt], above).overlapping == 0


def test_an_evaluation_prompt_counts_once_and_none_is_no_share() -> None:
    assert contamination(SET, ["tell me a story"] * 5, ContaminationSpec()).prompts == 1
    assert contamination(SET, [], ContaminationSpec()).share is None


def test_a_standardised_difference_is_as_by_hand() -> None:
    """Means 3 and 1, variances 2/3 and 2/3: 2 / sqrt(2/3). Of shares: Austin 2009, equation 2."""
    assert standardised(np.array([2.0, 3, 4]), np.array([0.0, 1, 2])) == pytest.approx(2 / np.sqrt(2 / 3))
    a, b = np.repeat([1.0, 0], [30, 70]), np.repeat([1.0, 0], [10, 90])
    assert standardised(a, b) == pytest.approx(0.2 / np.sqrt((0.3 * 0.7 + 0.1 * 0.9) / 2))
    assert standardised(np.ones(3), np.ones(3)) == 0
    assert standardised(np.ones(3), np.zeros(3)) is None


def test_a_drift_has_an_interval_of_about_the_known_width() -> None:
    """Two independent normal columns: the large-sample variance of d is 2/n + d²/4n (Hedges and Olkin 1985, p. 86)."""
    rng = np.random.default_rng(0)
    n = 800
    found = drift(rng.normal(0.5, 1, n), rng.normal(0, 1, n), paired=False).standardised
    width = 2 * stats.norm.ppf(0.975) * np.sqrt(2 / n + found.value**2 / (4 * n))
    assert found.high - found.low == pytest.approx(width, rel=0.15)
    assert found.low < 0.5 < found.high


def test_pairs_narrow_the_interval_where_both_move_together() -> None:
    rng = np.random.default_rng(1)
    own = rng.normal(0, 1, 400)
    later = own + rng.normal(0.2, 0.1, 400)
    paired, apart = (drift(later, own, paired=flag).standardised for flag in (True, False))
    assert paired.value == apart.value
    assert paired.high - paired.low < 0.5 * (apart.high - apart.low)


def test_stock_refusals_are_found_whatever_the_apostrophe() -> None:
    assert refuses("I\u2019m  SORRY, but no.")
    assert not refuses("the weather is fine")
    found = drifts(["I cannot do that.", "I cannot do that."], ["sure , use water", "no"], paired=True)
    assert (found.refusals.mean, found.refusals.reference) == (1.0, 0.0)
    assert found.refusals.standardised.value is None
    assert (found.length.mean, found.length.reference) == (4.0, 2.0)
    (opening,) = found.openings
    assert (opening.text, opening.share, opening.reference) == ("i cannot do that", 1.0, 0.0)


def test_coverage_names_principles_without_any_row() -> None:
    lineages = [lineage("privacy", "harm"), lineage("privacy"), lineage()]
    found = coverage(lineages, ["harm", "privacy", "law"])
    assert found.principles == {"privacy": 2, "harm": 1, "law": 0}
    assert (found.without, found.fewest, found.unflagged) == (("law",), 0, 1)
    assert coverage(lineages, None).fewest is None


def test_label_noise_has_clopper_and_pearsons_interval() -> None:
    fine = [Looked(False, True)] * 3 + [Looked(False, False)] * 17
    looked = fine + [Looked(True, False)] * 2 + [Looked(True, True)] * 8
    found = label_noise(looked, "disputed")
    for part, wrong, n in ((found.fine, 3, 20), (found.violating, 2, 10), (found.both, 5, 30)):
        exact = stats.binomtest(wrong, n).proportion_ci(method="exact")
        assert (part.observed.count, part.observed.n) == (wrong, n)
        assert (part.observed.low, part.observed.high) == pytest.approx((exact.low, exact.high))
    assert found.rate == 5 / 30


def test_the_peoples_own_errors_are_taken_out_one_label_at_a_time() -> None:
    asked = []

    def correct(wrong: int, n: int, violates: bool) -> Estimate:
        asked.append((wrong, n, violates))
        return Estimate(value=0.04, low=0.0, high=0.2)

    sampled = label_noise([Looked(False, True), Looked(False, False)], "sample", correct)
    assert asked == [(1, 2, False)]
    assert sampled.rate == 0.04
    both = label_noise([Looked(False, True), Looked(True, True)], "disputed", correct)
    assert asked[1:] == [(1, 1, False), (0, 1, True)]
    assert both.rate == 0.5


def test_a_label_is_the_last_verdict_before_the_persons() -> None:
    path = (("critic.0", "revise"), ("judge", "accept"), ("human", "revise"))
    seen = disputed([lineage(verdicts=path, audited=True)], "human")
    assert seen == [Looked(violates=False, flagged=True)]
    escalated = (("agree", "escalate"), ("human", "accept"))
    assert disputed([lineage(verdicts=escalated, audited=True), lineage(verdicts=path)], "human") == []
    # A loop that comes to the person twice: the second time counts.
    twice = (("critic.0", "revise"), ("human.0", "revise"), ("critic.1", "accept"), ("human.1", "accept"))
    assert disputed([lineage(verdicts=twice, audited=True)], "human") == [Looked(violates=False, flagged=False)]
