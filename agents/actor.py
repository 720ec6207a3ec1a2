"""The Ray actor that plays a role: it computes and keeps no truth, so Ray may restart it and compute again."""

from __future__ import annotations

import os
from typing import Any

import ray

from agents.agent import Agent
from agents.columns import Output
from agents.spec import AgentSpec
from agents.view import View


class RoleActor:
    """One agent in a process of its own."""

    def __init__(self, name: str, spec: AgentSpec, seed: int) -> None:
        self.agent = Agent(name, spec, seed)

    def act(self, view: View) -> Output:
        """Answer a batch."""
        return self.agent.act(view)

    def who(self) -> dict[str, Any]:
        """The agent's name, this process, and the model in words."""
        model = self.agent.spec.model
        return {
            "agent": self.agent.name,
            "pid": os.getpid(),
            "model": f"{model.kind} {getattr(model, 'path', '')}".strip(),
        }


_Remote = ray.remote(max_restarts=-1, max_task_retries=-1)(RoleActor)


def start_actor(name: str, spec: AgentSpec, seed: int) -> Any:
    """Start an actor for the agent on the connected cluster and return its handle.

    Raises InputError, here and not in the actor, for an agent that cannot work (see `Agent.check`).
    """
    Agent(name, spec, seed).check()
    return _Remote.options(num_cpus=spec.cpus, num_gpus=spec.gpus).remote(name, spec, seed)
