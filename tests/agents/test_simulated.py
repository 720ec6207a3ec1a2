"""Simulated agents err at the rates they declare, and relatives err together."""

from __future__ import annotations

import numpy as np
import pytest

from agents import rng
from agents.agent import Agent
from agents.columns import Output
from agents.simulated.draws import Draws
from agents.simulated.spec import Adversary, BetaBinomial, Copula, Shock, SimulatedSpec
from agents.simulated.streams import Seen, levels_of
from agents.spec import AgentSpec
from agents.view import Candidates, Cases, View
from agents.vocabulary import Role, Verdict
from constitutions.constitution import Constitution
from tests.agents.makers import agent, principle

N = 20_000
TWO = Constitution(name="two", version="1", principles=(principle("a"), principle("b")))


def numbered(latent: int) -> View:
    """N numbered cases whose response has the given violation bits."""
    subject = Candidates(
        np.full((N, 1), None, object),
        np.full((N, 1), latent, np.uint64),
        np.ones((N, 1), bool),
        np.zeros((N, 1), np.int16),
    )
    return View(Role.CRITIC, Cases.numbered(N), TWO, subject=subject)


def flags(output: Output) -> np.ndarray:
    return np.asarray(output["finding_flag"][:, 0].astype(float))


def test_verdicts_flag_at_the_declared_rates() -> None:
    said = agent(SimulatedSpec(sensitivity=(0.8, 0.3), false_alarm=0.1)).act(numbered(latent=1))
    assert flags(said).mean(axis=0) == pytest.approx([0.8, 0.1], abs=0.01)
    said = agent(SimulatedSpec(sensitivity=(0.8, 0.3), false_alarm=0.1)).act(numbered(latent=2))
    assert flags(said).mean(axis=0) == pytest.approx([0.1, 0.3], abs=0.012)


def test_missing_comes_at_its_rate_and_never_flags() -> None:
    said = agent(SimulatedSpec(missing=0.3)).act(numbered(latent=3))
    assert said["finding_present"].mean() == pytest.approx(0.7, abs=0.01)
    assert not (said["finding_flag"] & ~said["finding_present"]).any()


def latent_normals(rho: float) -> float:
    """Correlation of two flags of rate .5 whose latent normals correlate by rho (Sheppard 1899)."""
    return 2.0 / np.pi * np.arcsin(rho)


@pytest.mark.parametrize("strength", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(
    ("kind", "correlation"), [(Shock, np.square), (BetaBinomial, float), (Copula, latent_normals)], ids=lambda x: str(x)
)
def test_relatives_share_a_blind_spot_and_strangers_do_not(kind, correlation, strength: float) -> None:
    """The correlation of two relatives' flags, apart for violated principles (strength) and innocent ones (none)."""

    def said(name: str, family: str, latent: int) -> np.ndarray:
        dependence = kind(violating=strength, innocent=0.0)
        spec = SimulatedSpec(sensitivity=0.5, false_alarm=0.5, family=family, dependence=dependence)
        return flags(Agent(name, AgentSpec(model=spec), 7).act(numbered(latent)))

    one, relative, stranger = said("one", "f", 1), said("two", "f", 1), said("three", "g", 1)
    assert one.mean() == pytest.approx(0.5, abs=0.012)
    assert np.corrcoef(one[:, 0], relative[:, 0])[0, 1] == pytest.approx(correlation(strength), abs=0.03)
    assert abs(np.corrcoef(one[:, 1], relative[:, 1])[0, 1]) < 0.03
    assert abs(np.corrcoef(one[:, 0], stranger[:, 0])[0, 1]) < 0.03


def test_blind_spots_are_drawn_anew_in_every_run() -> None:
    spec = SimulatedSpec(sensitivity=0.5, family="f", dependence=Shock(violating=1.0, innocent=1.0))
    first, second = (flags(agent(spec, seed=seed).act(numbered(3)))[:, 0] for seed in (1, 2))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03


def test_answers_violate_and_revisions_repair_at_the_declared_rates() -> None:
    spec = SimulatedSpec(propensity=(0.2, 0.05), repair=0.75, harm=0.1)
    written = agent(spec).act(View(Role.BASE, Cases.numbered(N), TWO))
    bits = (written["latent"][:, 0, None] >> np.arange(2, dtype=np.uint64)) & np.uint64(1)
    assert bits.mean(axis=0) == pytest.approx([0.2, 0.05], abs=0.01)
    assert all(text is None for text in written["text"][:, 0])
    subject = numbered(latent=1).subject
    revised = agent(spec).act(View(Role.REVISER, Cases.numbered(N), TWO, subject=subject))
    bits = (revised["latent"][:, 0, None] >> np.arange(2, dtype=np.uint64)) & np.uint64(1)
    assert bits.mean(axis=0) == pytest.approx([0.25, 0.1], abs=0.01)


def test_a_judge_prefers_the_option_with_fewer_violations() -> None:
    latent = np.tile(np.array([3, 1], np.uint64), (N, 1))
    subject = Candidates(np.full((N, 2), None, object), latent, np.ones((N, 2), bool), np.zeros((N, 2), np.int16))
    said = agent(SimulatedSpec(sensitivity=0.9)).act(View(Role.JUDGE, Cases.numbered(N), TWO, subject=subject))
    assert (said["chosen"] == 1).mean() == pytest.approx(0.9, abs=0.01)
    assert (said["verdict"] == Verdict.ACCEPT).all()


def test_confidence_spreads_without_changing_the_verdict() -> None:
    calm, noisy = (agent(SimulatedSpec(noise=noise)).act(numbered(1)) for noise in (0.0, 1.0))
    np.testing.assert_array_equal(flags(calm), flags(noisy))
    assert calm["finding_confidence"].std() < 1e-6 < noisy["finding_confidence"].std()


def test_skill_falls_with_difficulty_as_in_item_response() -> None:
    """logit P = logit(sensitivity) - slope d; false alarms do not depend on d."""
    view = numbered(latent=1)
    said = flags(agent(SimulatedSpec(sensitivity=0.8, false_alarm=0.1, slope=2.0)).act(view))
    level = levels_of(view.cases.key_N)
    for low, high in ((0, 8), (28, 36), (56, 64)):
        here = (level >= low) & (level < high)
        d = (low + high) / 64 - 1
        expected = 1 / (1 + np.exp(-(np.log(4) - 2 * d)))
        assert said[here, 0].mean() == pytest.approx(expected, abs=0.035)
        assert said[here, 1].mean() == pytest.approx(0.1, abs=0.025)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_certain_things_are_certain(rate: float) -> None:
    said = flags(agent(SimulatedSpec(sensitivity=rate, false_alarm=rate)).act(numbered(latent=1)))
    assert (said == rate).all()


def test_rare_things_happen_at_their_rate() -> None:
    """1e-4 is two sixty-five-thousandths: 16 bits would bend it by a half."""
    draws = Draws(SimulatedSpec(propensity=1e-4), 1, "rare", 8)
    keys = rng.numbered(np.arange(1_000_000, dtype=np.uint64))
    words = draws.respond(Seen(keys, levels_of(keys)))
    assert np.bitwise_count(words).sum() == pytest.approx(800, abs=4 * np.sqrt(800))


def test_an_adversary_violates_where_its_overseers_are_blind() -> None:
    """Same rate, but found less often; not by strangers."""
    shock = Shock(violating=0.8, innocent=0.8)

    def caught(base: SimulatedSpec, family: str) -> float:
        written = Agent("base", AgentSpec(model=base), 3).act(View(Role.BASE, Cases.numbered(N), TWO))
        subject = Candidates(written["text"], written["latent"], written["present"], written["revision"][:, None])
        critic = SimulatedSpec(sensitivity=0.7, family=family, dependence=shock)
        said = Agent("critic", AgentSpec(model=critic), 3).act(
            View(Role.CRITIC, Cases.numbered(N), TWO, subject=subject)
        )
        bad = ((written["latent"][:, 0, None] >> np.arange(2, dtype=np.uint64)) & np.uint64(1)).astype(bool)
        assert bad.mean() == pytest.approx(0.2, abs=0.01)
        return float(flags(said)[bad].mean())

    honest = SimulatedSpec(propensity=0.2)
    knowing = SimulatedSpec(propensity=0.2, adversary=Adversary(family="f"))
    guessing = SimulatedSpec(propensity=0.2, adversary=Adversary(family="f", knowledge=0.5))
    assert caught(honest, "f") == pytest.approx(0.7, abs=0.02)
    assert caught(knowing, "f") == pytest.approx(0.2 * 0.7, abs=0.02)  # only where no shock strikes
    assert caught(knowing, "g") == pytest.approx(0.7, abs=0.02)
    assert caught(knowing, "f") < caught(guessing, "f") < caught(honest, "f")


def test_a_colluding_critic_lets_violations_pass() -> None:
    said = flags(agent(SimulatedSpec(sensitivity=0.8, false_alarm=0.1, collusion=0.5)).act(numbered(latent=1)))
    assert said.mean(axis=0) == pytest.approx([0.4, 0.1], abs=0.012)


def test_confidence_may_know_when_it_is_wrong() -> None:
    knowing = agent(SimulatedSpec(sensitivity=0.6, sure=0.9, sure_wrong=0.6)).act(numbered(latent=1))
    right = knowing["finding_flag"][:, 0, 0]
    assert set(knowing["finding_confidence"][right, 0, 0].tolist()) == {np.float32(0.9)}
    assert set(knowing["finding_confidence"][~right, 0, 0].tolist()) == {np.float32(0.6)}
