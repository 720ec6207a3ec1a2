"""An arm: one condition of an experiment, as executors need it. It pickles, so that a worker can build its own crew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from agents import rng
from agents.agent import Agent
from agents.spec import AgentSpec, TransformersSpec
from agents.vocabulary import Role
from hierarchy.absent import NotAsked
from hierarchy.consensus import Consensus
from hierarchy.memory import Memory
from hierarchy.oversee import Performer
from hierarchy.plan import Plan, PlannedStep
from hierarchy.recall import Commit, Nobody, Recall, step_fingerprint
from hierarchy.rules import TopShare
from hierarchy.windows import Window


@dataclass(frozen=True)
class Arm:
    """A topology with its agents.

    Attributes:
        name: unique in the run.
        plan: the compiled graph.
        agents: the agents the plan names.
        seed: the run's seed.
    """

    name: str
    plan: Plan
    agents: Mapping[str, AgentSpec]
    seed: int

    def used(self) -> dict[str, AgentSpec]:
        """The agents that some step of the plan uses as models, by name."""
        names = {step.step.agent for step in self.plan.steps if step.role is not Role.AUDITOR and step.asked}
        return {name: spec for name, spec in self.agents.items() if name in names}

    def agent(self, name: str) -> Agent:
        """A new agent of this arm."""
        return Agent(name, self.agents[name], self.seed)

    def fingerprint(self, step: PlannedStep) -> rng.Keys:
        """The part of the step's input hash that does not depend on the case."""
        if not step.asked:
            return step_fingerprint(step, rng.key("not asked"))
        if step.role is Role.AUDITOR:
            # A person's decision belongs to its arm and step, with that arm's budget; it answers no other arm.
            return step_fingerprint(step, rng.key("auditor", self.name, step.name))
        if isinstance(step.step.rule, TopShare):
            # Who is among the most suspicious depends on the arm's other cases; it answers no other arm.
            return step_fingerprint(step, rng.key("window", self.name, step.name))
        if step.step.agent is None:
            return step_fingerprint(step, rng.key(step.role.value))
        return step_fingerprint(step, self.agent(step.step.agent).fingerprint())

    def costly(self) -> frozenset[str]:
        """The step instances that a language model plays: what they said is not lightly computed again."""
        models = {name for name, spec in self.used().items() if isinstance(spec.model, TransformersSpec)}
        return frozenset(step.name for step in self.plan.steps if step.step.agent in models)

    @cached_property
    def _prints(self) -> dict[str, rng.Keys]:
        return {step.step.id: self.fingerprint(step) for step in self.plan.steps}

    def recalls(
        self, performer: Callable[[PlannedStep], Performer], memory: Memory, commit: Commit
    ) -> dict[str, Recall]:
        """A recalling crew, every step of the plan by its instance name."""
        return {
            step.name: Recall(self.name, step, performer(step), self._prints[step.step.id], memory, commit)
            for step in self.plan.steps
        }

    def performers(self) -> Callable[[PlannedStep], Performer]:
        """Performers that compute in this process; one agent plays all its steps."""
        agents = {name: self.agent(name) for name in self.used()}

        def performer(step: PlannedStep) -> Performer:
            return inline(step) or agents[str(step.step.agent)]

        return performer


def inline(step: PlannedStep) -> Performer | None:
    """The performer of a step that needs no agent: consensus, who is left out, the absent human; None for others."""
    if not step.asked:
        return NotAsked()
    if isinstance(step.step.rule, TopShare):
        return Window(step.step.rule, step.step.members)
    if step.step.rule is not None:
        return Consensus(step.step.rule, step.step.members)
    if step.role is Role.AUDITOR:
        return Nobody(strict=False)
    return None
