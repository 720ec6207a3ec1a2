"""Planned comparisons: the cases they need have the power that is promised."""

from __future__ import annotations

import numpy as np
import pytest

from constitutions.errors import InputError
from experiments.statistics import detectable_difference, mcnemar_of_counts, required_cases


def test_the_required_number_of_cases_has_the_power_it_promises() -> None:
    """McNemar's exact test on cases drawn with that discordance (it is a little conservative)."""
    difference, discordant = 0.05, 0.15
    n = required_cases(difference, discordant)
    rng = np.random.default_rng(4)
    a_only, b_only = (discordant + difference) / 2, (discordant - difference) / 2
    drawn = rng.multinomial(n, [a_only, b_only, 1 - discordant], size=1500)
    power = np.mean([mcnemar_of_counts(a, b) < 0.05 for a, b, _ in drawn.tolist()])
    assert power == pytest.approx(0.8, abs=0.05)


def test_what_can_be_detected_is_what_needs_that_many_cases() -> None:
    found = detectable_difference(1000, 0.2)
    assert found is not None
    assert required_cases(found, 0.2) <= 1000 < required_cases(found * 0.98, 0.2)
    assert detectable_difference(5, 0.1) is None


@pytest.mark.parametrize("call", [lambda: required_cases(0.2, 0.1), lambda: required_cases(0.1, 0.2, power=1.0)])
def test_impossible_plans_are_refused(call: object) -> None:
    with pytest.raises(InputError, match="accepted"):
        call()  # type: ignore[operator]
