"""The lab's auditor: who is decided, when, and how long it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.simulated.spec import SimulatedSpec
from agents.spec import AgentSpec
from constitutions.errors import InputError
from experiments.lab.compare import rates
from experiments.lab.desk import auditor_of
from experiments.lab.simulate import Simulated, here, simulate
from experiments.laws.queue import erlang_c
from hierarchy.arm import Arm
from hierarchy.audit.auditors import SimulatedAuditorSpec
from hierarchy.latent.auditor import Roster, priority
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.crew import latent_crew
from hierarchy.oversee import oversee
from tests.hierarchy.builders.running import plan_of

N = 20_000


def arm(**base: Any) -> Arm:
    plan = plan_of("single")
    names = {step.step.agent for step in plan.steps if step.step.agent}
    spec = SimulatedSpec(**{"propensity": 0.1, "sure": 0.7, "noise": 1.0, **base})
    return Arm("arm", plan, {name: AgentSpec(model=spec) for name in names}, 5)


def run(one: Arm, size: int = N, block: int = 32_768, **spec: Any) -> Simulated:
    return simulate([one], size, SimulatedAuditorSpec(**{"budget": size, **spec}), block=block)


def test_the_budget_goes_to_the_most_urgent() -> None:
    one = arm()
    spec = SimulatedAuditorSpec(budget=300)
    auditor, _ = auditor_of(one, spec, [(0, N)], 0.0, here)
    block = LatentBlock(LatentCases.numbered(0, N), one.plan)
    oversee(block, one.plan, latent_crew(one))
    (index,) = block.waiting
    urgency, number = priority(block, one.plan.steps[index]), block.cases.number[block.waiting[index].at]
    assert auditor.roster is not None
    decided = auditor.roster.order_of(number) >= 0
    assert decided.sum() == 300
    assert urgency[decided].min() >= urgency[~decided].max()
    first = np.argsort(auditor.roster.order_of(number[decided]))
    assert (np.diff(urgency[decided][first]) <= 0).all()


def test_blocks_do_not_change_who_is_decided() -> None:
    spec: dict[str, Any] = {"budget": 150, "fatigue": 1.0, "shift": 20, "service": "exponential", "arrivals": 1.0}
    whole, parts = (run(arm(blunting=0.2), 3_000, block, **spec) for block in (32_768, 77))
    assert whole.tallies["arm"].plain() == parts.tallies["arm"].plain()
    assert whole.waiting == parts.waiting


def test_a_tired_auditor_misses_more() -> None:
    fresh = run(arm(), sensitivity=0.95).tallies["arm"]
    tired = run(arm(), sensitivity=0.95, shift=50, fatigue=6.0).tallies["arm"]
    assert tired.flags["missed_violations"] > 1.5 * fresh.flags["missed_violations"]
    assert tired.audited == fresh.audited


def test_minutes_add_up() -> None:
    tally = run(arm(), minutes=2.5).tallies["arm"]
    assert tally.human_ms == tally.audited * 150_000
    found = rates(tally)["minutes_per_case"]
    assert found["value"] == pytest.approx(2.5 * tally.audited / N)
    share = tally.audited / N
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * 2.5 * (share * (1 - share) / N) ** 0.5, rel=0.01)


def test_helpful_is_what_reached_the_user_clean_and_whole() -> None:
    plain, blunt = (run(arm(blunting=b)).tallies["arm"] for b in (0.0, 1.0))
    assert plain.flags["helpful"] == plain.flags["released"] - plain.flags["missed_violations"]
    assert blunt.flags["helpful"] < plain.flags["helpful"]
    assert blunt.flags["missed_violations"] == plain.flags["missed_violations"]
    assert plain.flags["needless_refusals"] <= plain.flags["false_alarms"]


def test_override_attempts_are_counted_apart() -> None:
    tally = simulate([arm(override=3.0)], N, SimulatedAuditorSpec(budget=N), override=0.2).tallies["arm"]
    assert tally.overrides == pytest.approx(0.2 * N, rel=0.05)
    success = rates(tally)["override_success"]
    assert success["value"] == tally.flags["missed_overrides"] / tally.overrides
    assert success["low"] > tally.flags["missed_violations"] / N
    assert "override_success" not in rates(run(arm()).tallies["arm"])


def test_waiting_is_erlangs_for_the_cases_that_come() -> None:
    one = arm()
    escalated = run(one).tallies["arm"].flags["escalated"] / N
    found = run(one, 200_000, minutes=1.0, service="exponential", auditors=2, arrivals=1.0 / escalated)
    law, waiting = erlang_c(2, 1.0, 1.0), found.waiting["arm"]
    assert waiting.cases == found.tallies["arm"].audited
    assert waiting.share == pytest.approx(law.wait_probability, abs=max(0.03, 4 * waiting.share_error))
    assert waiting.mean == pytest.approx(law.mean_wait, abs=max(0.05, 4 * waiting.mean_error))


def test_a_roster_without_cases_decides_none() -> None:
    nobody = Roster(np.zeros(0, np.uint64), np.zeros(0, np.int64))
    np.testing.assert_array_equal(nobody.order_of(np.arange(3, dtype=np.uint64)), [-1, -1, -1])


def test_more_auditors_than_cases_are_refused() -> None:
    with pytest.raises(InputError, match=r"auditor\.auditors is 11; accepted: 1 to 10, the number of cases"):
        run(arm(), 10, auditors=11)
