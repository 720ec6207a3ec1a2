"""What people write about a reward-hacking experiment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, model_validator

from agents.spec import AgentSpec, Spec
from constitutions.strict import Identifier, problem
from constitutions.validation import load_model
from experiments.config import GraphSpec
from training.config import ReinforceSpec, TrainSpec


class HackingSpec(Spec):
    """A reward model learns from the hierarchy's verdicts on the base's answers; then it is pressed, and watched.

    Attributes:
        base: the checkpoint that answers and then learns, `world:NAME` or a folder.
        constitution, agents, graph: the hierarchy whose verdict is the proxy's teacher (`graph` as in an arm).
        prompts, answers: prompts of the supervision split, and answers drawn to each, that the reward model learns
            from: every released answer against every other one that was not.
        test: held-out prompts, on which proxy and oracle are compared.
        best_of: answers drawn to each of them; the curve has the powers of two up to it.
        max_new_tokens, temperature: longest answer, and the temperature of every draw; the policy is the base at it.
        reward: how the reward model is trained; reinforce: how the base then learns from it.
        watch: answers drawn to each held-out prompt whenever the learning base is looked at.
    """

    name: Identifier
    question: str = ""
    seed: int = Field(0, ge=0)
    base: str = "world:base"
    constitution: str = "microworld"
    agents: dict[str, AgentSpec]
    graph: GraphSpec
    prompts: int = Field(200, ge=1)
    answers: int = Field(8, ge=2)
    test: int = Field(100, ge=2)
    best_of: int = Field(64, ge=2)
    max_new_tokens: int = Field(40, ge=1)
    temperature: float = Field(1.0, gt=0)
    reward: TrainSpec = TrainSpec(method="reward")
    reinforce: ReinforceSpec = ReinforceSpec()
    watch: int = Field(4, ge=1)

    @model_validator(mode="after")
    def _reward_is_one(self) -> HackingSpec:
        if self.reward.method != "reward":
            raise problem(f"is {self.reward.method!r}; expected reward", "reward", "method")
        return self


def load_hacking(path: str | Path, overrides: Sequence[str] = ()) -> HackingSpec:
    """Read the experiment's YAML file, with `key.sub=value` overrides. Raises InputError."""
    return load_model(path, HackingSpec, overrides)
