"""How many auditors answer in time."""

from __future__ import annotations

from math import exp, inf

import pytest
from scipy import integrate

from constitutions.errors import InputError
from experiments.laws.queue import erlang_c
from experiments.laws.staffing import late_answer, needed, panel, simulated, staff

ONE = panel(0.0)


def test_one_auditor_is_the_m_m_1_queue() -> None:
    # Time in an M/M/1 queue is exponential of rate mu - lambda.
    assert late_answer(1, 0.2, 2.0, 5.0) == pytest.approx(exp(-(0.5 - 0.2) * 5.0))


@pytest.mark.parametrize(("auditors", "arrival", "minutes", "due"), [(2, 0.5, 3, 20), (5, 1.2, 3, 4), (3, 2, 1, 3)])
def test_the_time_to_an_answer_is_waiting_and_service(
    auditors: int, arrival: float, minutes: float, due: float
) -> None:
    rate = 1 / minutes
    wait = erlang_c(auditors, arrival, rate).wait_probability
    spare = auditors * rate - arrival

    def late_after(waited: float) -> float:
        return wait * spare * exp(-spare * waited) * exp(-rate * max(0.0, due - waited))

    expected = (1 - wait) * exp(-rate * due) + integrate.quad(late_after, 0, due)[0] + wait * exp(-spare * due)
    assert late_answer(auditors, arrival, minutes, due) == pytest.approx(expected)


def test_where_both_rates_meet() -> None:
    # c mu - lambda = mu: 2 auditors, arrival = service rate.
    near = late_answer(2, 1.0 + 1e-6, 1.0, 3.0)
    assert late_answer(2, 1.0, 1.0, 3.0) == pytest.approx(near, rel=1e-4)
    assert late_answer(2, 1.0, 1.0, 3.0) == pytest.approx(exp(-3) * (1 + 3 / 3))  # C(2, 1) = 1/3


def test_nobody_takes_a_case_in_time_as_erlang_says() -> None:
    found = staff(3, 2.0, 1.0, 2.0, ONE)
    assert found.wait_probability == pytest.approx(4 / 9)
    assert found.late_start == pytest.approx(4 / 9 * exp(-(3 - 2) * 2.0))
    assert found.busy == pytest.approx(2 / 3)


def test_the_fewest_that_are_enough() -> None:
    found = needed(190 / 60, 3, 12, 0.95, ONE)
    assert found.late <= 0.05
    assert staff(found.auditors - 1, 190 / 60, 3, 12, ONE).late > 0.05
    tight = needed(190 / 60, 3, 9.2, 0.95, ONE)
    assert tight.auditors > found.auditors


@pytest.mark.parametrize(("arrival", "minutes", "due"), [(30 / 60, 3, 20), (200 / 60, 3, 15), (1.0, 2.0, 8.0)])
def test_the_simulated_queue_agrees(arrival: float, minutes: float, due: float) -> None:
    found = needed(arrival, minutes, due, 0.95, ONE)
    played = simulated(found, arrival, minutes, due, ONE, 400_000, 1)
    assert abs(played.value - found.late) < 4 * played.standard_error
    assert played.standard_error < 0.005


def test_reviews_until_a_majority_by_hand() -> None:
    e = 0.1
    three = panel(e, 0.03)
    assert three.reviews == 3
    assert three.expected == pytest.approx(2 + 2 * e * (1 - e))
    assert three.error == pytest.approx(e**2 * (3 - 2 * e))
    assert panel(e, 0.1).reviews == 1
    assert panel(0.0, 0.01).reviews == 1
    # Five voters: 10 e^3 (1-e)^2 + 5 e^4 (1-e) + e^5 = 0.00856 (binomial).
    assert panel(e, 0.01).error == pytest.approx(0.00856)


def test_more_reviews_need_more_auditors() -> None:
    alone, together = needed(0.5, 3, 60, 0.95, ONE), needed(0.5, 3, 60, 0.95, panel(0.1, 0.03))
    assert together.auditors > alone.auditors
    assert together.late <= 0.05


@pytest.mark.parametrize(
    ("arrival", "minutes", "due", "share", "says"),
    [
        (0, 3, 20, 0.95, r"--arrival is 0; accepted: \(0, inf\)"),
        (1, -3, 20, 0.95, "--minutes is -3"),
        (1, 3, inf, 0.95, "--due is inf"),
        (1, 3, 20, 1.0, r"--share is 1; accepted: \(0, 1\)"),
        (1, 3, 8.9, 0.95, r"--due is 8.9: .*accepted: \(8.987, inf\)"),
    ],
)
def test_impossible_staff(arrival: float, minutes: float, due: float, share: float, says: str) -> None:
    with pytest.raises(InputError, match=says):
        needed(arrival, minutes, due, share, ONE)


def test_impossible_panels_and_queues() -> None:
    with pytest.raises(InputError, match=r"--error is 0.5; accepted: \[0, 0.5\)"):
        panel(0.5)
    with pytest.raises(InputError, match="99 reviews"):
        panel(0.49, 0.01)
    with pytest.raises(InputError, match="--auditors is 3: the queue grows without bound; accepted: more than 3"):
        staff(3, 1.0, 3.0, 20.0, ONE)
