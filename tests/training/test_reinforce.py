from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from agents.records import Case, Message
from constitutions.errors import InputError, OversightError
from training.config import ReinforceSpec, TrainSpec
from training.loading import load_model, load_tokenizer
from training.reinforce import _Learner, reinforce
from training.sampling import Floats, Sampler, load_sampler, rated

CASES = [Case(f"c{letter}", (Message("user", f"what is {letter}"),)) for letter in "abcdefgh"]
SCORES = {"yes": 1.0, "no": -1.0, "a": 0.5, "": 0.25}


def _likes_yes(cases: Sequence[Case], answers: Sequence[str]) -> Floats:
    return np.array([answer.split().count("yes") / max(len(answer.split()), 1) for answer in answers])


def test_the_gradient_is_that_of_expected_reward_less_the_cost_of_kl(tiny: Path, tmp_path: Path) -> None:
    """Answers of one token, all of which can be counted: K = 2, so that a wrong baseline would show in the length."""
    moved: Any = load_model(tiny, TrainSpec())
    with torch.no_grad():
        for weight in moved.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
    kl = 0.3
    cases = [Case(f"n{i}", (Message("user", "what is a"),)) for i in range(4000)]
    spec = ReinforceSpec(prompts=4000, samples=2, kl=kl, max_new_tokens=1, rows=500, max_grad_norm=1e9)
    learner = _Learner(spec, tiny)
    learner.policy.load_state_dict(moved.state_dict())
    learner.step(0, cases, lambda _, answers: np.array([SCORES.get(answer, 0.0) for answer in answers]))
    estimate = torch.cat([weight.grad.flatten() for weight in learner.policy.parameters()])

    tokenizer, reference = load_tokenizer(tiny), load_model(tiny, TrainSpec())
    ids = torch.tensor([learner.sampler.encoder.prompt_ids(cases[0].messages)])
    log_p = moved(ids).logits[0, -1].log_softmax(dim=-1)
    log_ref = reference(ids).logits[0, -1].log_softmax(dim=-1).detach()
    words = [tokenizer.decode([v], skip_special_tokens=True).strip() for v in range(len(log_p))]
    scores = torch.tensor([SCORES.get(word, 0.0) for word in words])
    value = (log_p.exp() * (scores - kl * (log_p - log_ref))).sum()
    moved.zero_grad()
    (-value).backward()
    exact = torch.cat([weight.grad.flatten() for weight in moved.parameters()])
    assert torch.cosine_similarity(estimate, exact, dim=0) > 0.97
    assert float(estimate.norm() / exact.norm()) == pytest.approx(1, abs=0.1)


def test_reinforcement_raises_the_reward_and_the_same_run_gives_the_same_weights(tiny: Path, tmp_path: Path) -> None:
    spec = ReinforceSpec(steps=30, prompts=8, samples=4, kl=0.01, learning_rate=5e-3, max_new_tokens=4, rows=16)
    seen: list[tuple[int, float]] = []

    def watch(step: int, sampler: Sampler) -> dict[str, float]:
        seen.append((step, float(rated(_likes_yes, CASES, sampler.draw(CASES, 2, 99)).mean())))
        return {"oracle": seen[-1][1]}

    first = reinforce(spec, CASES, _likes_yes, tiny, tmp_path / "one", watch)
    assert first.log[-1]["reward"] > 0.8 > 0.2 > first.log[0]["reward"]
    assert first.log[0]["kl"] == pytest.approx(0, abs=1e-5)
    assert all(entry["k3"] >= 0 for entry in first.log)
    assert first.log[-1]["k3"] > 0.1
    assert [step for step, _ in seen] == [10, 20, 30]
    assert first.log[29]["oracle"] == seen[-1][1]
    again = reinforce(spec, CASES, _likes_yes, tiny, tmp_path / "two")
    assert [entry["reward"] for entry in again.log] == [entry["reward"] for entry in first.log]
    drawn = load_sampler(first.checkpoint, most=4).draw(CASES, 4, 5)
    assert rated(_likes_yes, CASES, drawn).mean() > 0.8


def test_a_costlier_kl_keeps_the_model_nearer(tiny: Path, tmp_path: Path) -> None:
    ends = []
    for kl in (0.0, 1.0):
        spec = ReinforceSpec(steps=15, prompts=8, samples=4, kl=kl, learning_rate=5e-3, max_new_tokens=4)
        ends.append(reinforce(spec, CASES, _likes_yes, tiny, tmp_path / f"kl{kl}").log[-1])
    assert ends[1]["k3"] < 0.5 * ends[0]["k3"]
    assert ends[1]["reward"] < ends[0]["reward"]


def test_what_cannot_be_learnt_from_is_refused(tiny: Path, tmp_path: Path) -> None:
    spec = ReinforceSpec(steps=1, prompts=2, samples=2, max_new_tokens=2)
    with pytest.raises(InputError, match="no cases"):
        reinforce(spec, [], _likes_yes, tiny, tmp_path / "out")
    with pytest.raises(OversightError, match="the reward read none of 4 answers in step 1"):
        reinforce(spec, CASES, lambda c, a: np.full(len(a), np.nan), tiny, tmp_path / "out")
    with pytest.raises(OversightError, match=r"the gradient is (inf|nan)"):
        reinforce(spec, CASES, lambda c, a: np.array([1e39, -1e39] * (len(a) // 2)), tiny, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").touch()
    with pytest.raises(InputError, match="exists and holds no training"):
        reinforce(spec, CASES, _likes_yes, tiny, tmp_path / "mine")


def test_a_run_that_was_cut_off_goes_on_to_the_same_weights(tiny: Path, tmp_path: Path) -> None:
    spec = ReinforceSpec(steps=9, prompts=4, samples=2, learning_rate=5e-3, max_new_tokens=3, save_steps=2)
    whole = reinforce(spec, CASES, _likes_yes, tiny, tmp_path / "whole")
    calls = 0

    def breaks(cases: Sequence[Case], answers: Sequence[str]) -> Floats:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise KeyboardInterrupt
        return _likes_yes(cases, answers)

    out = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        reinforce(spec, CASES, breaks, tiny, out)
    assert [path.name for path in (tmp_path / "cut.partial" / "checkpoints").iterdir()] == ["step-000004"]
    (tmp_path / "cut.partial" / "checkpoints" / "step-000006.torn").mkdir()
    again = reinforce(spec, CASES, breaks, tiny, out)
    assert calls == 6 + 5  # steps 5 to 9 anew
    assert again.log == whole.log
    first, second = (load_file(result.checkpoint / "model.safetensors") for result in (whole, again))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not (tmp_path / "cut.partial").exists()
    assert not (out / "checkpoints").exists()
    assert reinforce(spec, CASES, breaks, tiny, out) == again
    assert calls == 11
    other = spec.model_copy(update={"seed": 1})
    with pytest.raises(InputError, match="holds a training with another spec: seed"):
        reinforce(other, CASES, breaks, tiny, out)


def test_draws_are_the_models_own_and_do_not_depend_on_what_is_drawn_beside_them(tiny: Path) -> None:
    sampler = load_sampler(tiny, rows=8, most=6)
    together = sampler.draw(CASES, 3, 7)
    assert together[2:3] == sampler.draw(CASES[2:3], 3, 7)
    assert together != sampler.draw(CASES, 3, 8)
    assert together != sampler.draw(CASES, 3, 7, number=1)
    every = [one for answers in together for one in answers]
    assert all(len(one.ids) == 6 or one.ids[-1] == 2 for one in every)
    with pytest.raises(InputError, match="case long: its prompt fills"):
        sampler.draw([Case("long", (Message("user", "a " * 80),))], 1, 0)
