"""An auditor's day: tiredness, service, waiting."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from agents import rng
from experiments.laws.queue import erlang_c
from hierarchy.audit.auditors import SimulatedAuditorSpec
from hierarchy.audit.labour import TICKS, Waiting, gaps, service_minutes, tired, waits

KEYS = rng.numbered(np.arange(400_000, dtype=np.uint64))


def test_tiredness_grows_over_a_shift_and_starts_again() -> None:
    p = tired(0.9, 2.0, 5, 1, np.arange(12))
    np.testing.assert_allclose(np.log(p / (1 - p)), np.log(9) - 2.0 * np.array([0, 0.25, 0.5, 0.75, 1] * 3)[:12])
    by_two = tired(0.9, 2.0, 5, 2, np.arange(24))
    np.testing.assert_array_equal(by_two[::2], p)
    np.testing.assert_array_equal(by_two[1::2], p)


@pytest.mark.parametrize(
    ("sensitivity", "fatigue", "shift"), [(1.0, 3.0, 5), (0.0, 3.0, 5), (0.7, 0.0, 5), (0.7, 1.0, 1)]
)
def test_nobody_tires_here(sensitivity: float, fatigue: float, shift: int) -> None:
    np.testing.assert_array_equal(tired(sensitivity, fatigue, shift, 1, np.arange(9)), np.full(9, sensitivity))


def test_fatigue_needs_shifts() -> None:
    with pytest.raises(ValidationError, match="how many cases a shift has"):
        SimulatedAuditorSpec(budget=1, fatigue=1.0)


def test_exponential_service_has_its_mean_and_spread() -> None:
    minutes = service_minutes(3.0, "exponential", KEYS, 1)
    assert minutes.mean() == pytest.approx(3.0, rel=0.01)
    assert minutes.std() == pytest.approx(3.0, rel=0.02)
    np.testing.assert_array_equal(service_minutes(3.0, "fixed", KEYS[:4], 1), [3.0] * 4)


def test_waiting_by_hand() -> None:
    wait = waits(np.array([0.0, 1.0, 2.0, 2.5]), np.array([4.0, 4.0, 1.0, 1.0]), 2)
    np.testing.assert_allclose(wait, [0.0, 0.0, 2.0, 2.5])


@pytest.mark.parametrize(("servers", "arrival", "service"), [(1, 0.5, 1.0), (2, 1.0, 1.0), (3, 2.0, 1.0)])
def test_waiting_follows_erlang(servers: int, arrival: float, service: float) -> None:
    law = erlang_c(servers, arrival, service)
    times = np.cumsum(gaps(arrival, KEYS, 1)) / TICKS
    found = Waiting.of(waits(times, service_minutes(1 / service, "exponential", KEYS, 1), servers))
    assert abs(found.share - law.wait_probability) < 4 * found.share_error
    assert abs(found.mean - law.mean_wait) < 4 * found.mean_error
    assert found.share_error < 0.01


def test_nothing_to_wait_for() -> None:
    assert Waiting.of(np.zeros(0)).cases == 0
