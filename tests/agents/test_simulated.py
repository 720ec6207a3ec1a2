"""Simulated agents err at the rates they declare, and relatives err together."""

from __future__ import annotations

import numpy as np
import pytest

from agents.agent import Agent
from agents.columns import Output
from agents.spec import AgentSpec, SimulatedSpec
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


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_relatives_share_a_blind_spot_and_strangers_do_not(shared: float) -> None:
    """Common shock: the correlation of two relatives' verdicts on violated principles is `shared`."""

    def said(name: str, family: str) -> np.ndarray:
        spec = SimulatedSpec(sensitivity=0.5, family=family, shared=shared)
        return flags(Agent(name, AgentSpec(model=spec), 7).act(numbered(3)))[:, 0]

    one, relative, stranger = said("one", "f"), said("two", "f"), said("three", "g")
    assert np.corrcoef(one, relative)[0, 1] == pytest.approx(shared, abs=0.03)
    assert abs(np.corrcoef(one, stranger)[0, 1]) < 0.03


def test_blind_spots_are_drawn_anew_in_every_run() -> None:
    spec = SimulatedSpec(sensitivity=0.5, family="f", shared=1.0)
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
    # Right in both orders .81; a split is a tie, which goes to the first option.
    assert (said["chosen"] == 1).mean() == pytest.approx(0.81, abs=0.01)
    assert (said["verdict"] == Verdict.ACCEPT).all()


def test_confidence_spreads_without_changing_the_verdict() -> None:
    calm, noisy = (agent(SimulatedSpec(noise=noise)).act(numbered(1)) for noise in (0.0, 1.0))
    np.testing.assert_array_equal(flags(calm), flags(noisy))
    assert calm["finding_confidence"].std() < 1e-6 < noisy["finding_confidence"].std()
