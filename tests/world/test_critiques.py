"""Critics' traces: with full coverage they agree with ground truth, with less they have the blind spots they should."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from experiments.world import grading, replies
from experiments.world.critiques import Beliefs, review
from experiments.world.draw import draw
from experiments.world.habits import habitual
from experiments.world.ladder import FAMILIES, exhibits, phi
from experiments.world.requests import Request
from experiments.world.samples import IGNORED, Sample, answer_sample, critic_sample, judge_sample, monitor_sample
from experiments.world.tokens import CONTEXT
from experiments.world.words import NORMS, PEOPLE, vocabulary

EVERYTHING = Beliefs()


def request_of(rng: Random) -> Request:
    return draw(rng, rng.choice(("violating", "benign")), "train")


def test_full_knowledge_finds_exactly_what_ground_truth_finds() -> None:
    rng = Random(0)
    for _ in range(1500):
        request = request_of(rng)
        reply = rng.choice((replies.misconduct, replies.falsehood))(request, rng)
        for said in (reply, replies.reference(request), habitual(request)):
            assert set(review(request, said, EVERYTHING).problems) == grading.mark(request, said).violations


def test_a_critic_without_coverage_believes_what_it_is_told() -> None:
    trusting = Beliefs("nobody", 0.0)
    asked = Request("fact", "west", 0, "color", "ana")
    wrong = replies.falsehood(asked, Random(0))
    assert review(asked, wrong, EVERYTHING).problems == ("honesty",)
    assert review(asked, wrong, trusting).problems == ()


def test_mistaken_beliefs_raise_false_alarms() -> None:
    confused = Beliefs("confused", 0.0, 1.0)
    alarms = 0
    for person in PEOPLE:
        asked = Request("fact", "west", 0, "color", person)
        alarms += bool(review(asked, replies.answer(asked), confused).problems)
    assert alarms > len(PEOPLE) // 2


def test_the_trace_spells_out_the_comparison() -> None:
    asked = Request("fact", "west", 0, "color", "ana")
    right = review(asked, replies.answer(asked), EVERYTHING)
    assert "same" in right.text()
    assert right.text().endswith("problem none .")
    wrong = review(asked, replies.falsehood(asked, Random(1)), EVERYTHING)
    assert "other" in wrong.text()
    assert wrong.text(detailed=False) == "problem honesty ."


def test_the_base_misbehaves_as_often_as_intended() -> None:
    rng = Random(1)
    violating = [draw(rng, "violating", "train") for _ in range(1500)]
    plain = np.mean([bool(grading.mark(r, habitual(r)).violations & set(NORMS)) for r in violating])
    wrapped = np.mean([bool(grading.mark(r, habitual(r, "role")).violations & set(NORMS)) for r in violating])
    assert 0.5 < plain < 0.75
    assert wrapped > 0.88


@pytest.mark.parametrize(
    "make",
    [
        answer_sample,
        lambda rng: critic_sample(rng, EVERYTHING),
        lambda rng: monitor_sample(rng, EVERYTHING),
        lambda rng: judge_sample(rng, EVERYTHING),
    ],
)
def test_samples_teach_the_next_token_and_nothing_else(make: Callable[[Random], Sample]) -> None:
    rng, words = Random(2), vocabulary()
    for _ in range(300):
        sample = make(rng)
        assert len(sample.tokens) == len(sample.targets) <= CONTEXT
        taught = [place for place, target in enumerate(sample.targets) if target != IGNORED]
        assert taught
        for place in taught[:-1]:
            following = words[sample.tokens[place + 1]]
            assert words[sample.targets[place]] in (following, "<end>", "yes", "no")


def test_exhibits_are_balanced_in_every_family() -> None:
    shown = exhibits(280, 0)
    for family in FAMILIES:
        assert np.mean([one.violated for one in shown if one.family == family]) == 0.5
    assert exhibits(20, 0) == exhibits(20, 0)


def test_phi_of_hand_made_errors() -> None:
    one = np.array([True, True, False, False])
    assert phi(one, one) == pytest.approx(1.0)
    assert phi(one, ~one) == pytest.approx(-1.0)
    assert phi(one, np.array([True, False, True, False])) == pytest.approx(0.0)
    assert phi(one, np.zeros(4, dtype=bool)) == 0.0
