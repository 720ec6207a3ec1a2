"""Reinforcement learning from AI feedback, on one model: on-policy REINFORCE with a leave-one-out baseline.

A step draws K answers to each of a few prompts from the model as it is, asks the reward for a number each, takes off
what the answers cost in KL, compares each with the other K - 1 answers to its prompt, and makes the better ones
likelier (Ahmadian et al. 2024, arXiv 2402.14740). There is no value model, no clipping and no replay: every answer is
learnt from once, by the model that wrote it, so the ratio that those would correct is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.records import Case
from constitutions.errors import InputError, OversightError
from training import losses
from training.batching import Batch, pad
from training.config import ReinforceSpec, TrainSpec
from training.encoding import TokenSequence
from training.loading import load_model, load_tokenizer, quiet
from training.objectives import completion_nll
from training.reinforced import Keeper, Log
from training.sampling import Drawn, Reward, Sampler, rated

Watch = Callable[[int, Sampler], Mapping[str, float]]
"""Called with (steps done, a sampler of the model as it is); its figures go into the log. An oracle comes in here."""


@dataclass(frozen=True, slots=True)
class Reinforced:
    """What reinforcement gave.

    `log` has, per step: `reward` (mean), `kl` (k1: mean log-ratio to the first model, per answer), `k3` (the same by
    Schulman's estimator, sum over tokens of exp(-d) - 1 + d, never negative), `length` (tokens), `unread` (share of
    answers without a reward), and what `watch` measured after the step.
    """

    checkpoint: Path
    log: tuple[Log, ...]


def reinforce(
    spec: ReinforceSpec,
    cases: Sequence[Case],
    reward: Reward,
    model_path: str | Path,
    out: Path,
    watch: Watch | None = None,
) -> Reinforced:
    """Train the model at `model_path` on its own answers to `cases` and save it in `out`.

    The reference of the KL penalty is the model at `model_path`. The same arguments give the same weights. Called again
    with the same spec, cases, model and `out`, it goes on from its last checkpoint (every `save_steps` steps), with the
    weights of a run that was never cut off, or returns the finished result; that reward and `watch` are the same is the
    caller's to see to.

    Raises InputError without cases and for an `out` that holds something else; OversightError when the reward reads no
    answer of a step, or the gradient is not finite: the last checkpoint before is kept.
    """
    if not cases:
        raise InputError("reinforcement: there are no cases; expected at least one")
    keeper = Keeper(spec, cases, model_path, out)
    if (done := keeper.finished()) is not None:
        return Reinforced(out, done)
    before = torch.get_num_threads()
    torch.set_num_threads(spec.threads)
    try:
        with quiet():
            learner = _Learner(spec, model_path)
            log = learner.run(cases, reward, watch, keeper)
            keeper.finish(learner.policy, learner.tokenizer, log)
    finally:
        torch.set_num_threads(before)
    return Reinforced(out, tuple(log))


class _Learner:
    def __init__(self, spec: ReinforceSpec, model_path: str | Path) -> None:
        self.spec = spec
        loading = TrainSpec()
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.policy: Any = load_model(model_path, loading).to(device)
        self.reference: Any = load_model(model_path, loading).to(device).eval()
        self.tokenizer = load_tokenizer(model_path)
        self.sampler = Sampler(self.policy, self.tokenizer, spec.rows, spec.max_new_tokens, spec.temperature)
        self.optimiser = torch.optim.AdamW(self.policy.parameters(), lr=spec.learning_rate, weight_decay=0.0)

    def run(self, cases: Sequence[Case], reward: Reward, watch: Watch | None, keeper: Keeper) -> list[Log]:
        """All steps that are not done yet; gives the log of all."""
        log = keeper.load(self.policy, self.optimiser)
        for step in range(len(log), self.spec.steps):
            entry = self.step(step, self._prompts(cases, step), reward)
            if watch is not None and ((step + 1) % self.spec.watch_every == 0 or step + 1 == self.spec.steps):
                entry |= watch(step + 1, self.sampler)
            log.append(entry)
            if self.spec.save_steps is not None and len(log) % self.spec.save_steps == 0:
                keeper.save(self.policy, self.optimiser, log)
        return log

    def _prompts(self, cases: Sequence[Case], step: int) -> list[Case]:
        """The step's prompts: the cases in passes, each pass in an order of its own."""
        count = min(self.spec.prompts, len(cases))
        places = range(step * count, (step + 1) * count)
        order = {
            each: np.random.default_rng([self.spec.seed, each]).permutation(len(cases))
            for each in {place // len(cases) for place in places}
        }
        return [cases[order[place // len(cases)][place % len(cases)]] for place in places]

    def step(self, step: int, prompts: Sequence[Case], reward: Reward) -> Log:
        """Draw, rate, learn."""
        drawn = self.sampler.draw(prompts, self.spec.samples, self.spec.seed, step)
        reward_PK = rated(reward, prompts, drawn)
        read = ~np.isnan(reward_PK)
        if not read.any():
            raise OversightError(f"reinforcement: the reward read none of {read.size} answers in step {step + 1}")
        batch = self._batch([answer for answers in drawn for answer in answers])
        with torch.no_grad():
            reference = -completion_nll(self.reference, batch, self.spec.temperature)
        policy = -completion_nll(self.policy, batch, self.spec.temperature)
        ratio = (policy - reference).detach()
        cost = self.spec.kl * ratio.sum(dim=1).view(reward_PK.shape)
        advantage = losses.leave_one_out(torch.from_numpy(reward_PK).to(ratio) - cost)
        self._learn(losses.reinforce_loss(policy.sum(dim=1), advantage.flatten()).mean(), step)
        return {
            "step": step + 1,
            "reward": float(reward_PK[read].mean()),
            "kl": float(ratio.sum(dim=1).mean()),
            "k3": float((torch.exp(-ratio) - 1 + ratio).sum(dim=1).mean()),
            "length": float((batch["labels"][:, 1:] != losses.IGNORED).sum(dim=1).float().mean()),
            "unread": float(1 - read.mean()),
        }

    def _learn(self, loss: Tensor, step: int) -> None:
        self.policy.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = float(torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.spec.max_grad_norm))
        if not math.isfinite(norm):
            raise OversightError(
                f"reinforcement: the gradient is {norm} in step {step + 1}; expected a finite one, try a lower rate"
            )
        self.optimiser.step()

    def _batch(self, drawn: Sequence[Drawn]) -> Batch:
        sequences = [
            TokenSequence(one.prompt_ids + one.ids, [losses.IGNORED] * len(one.prompt_ids) + one.ids) for one in drawn
        ]
        batch = pad(sequences, 0)
        return {name: tensor.to(self.policy.device) for name, tensor in batch.items()}
