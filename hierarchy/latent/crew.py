"""Performers of a latent block: who carries out each step of an arm's plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agents.agent import Agent
from agents.simulated.spec import SimulatedSpec
from agents.vocabulary import Role
from constitutions.errors import InputError
from hierarchy.arm import Arm
from hierarchy.latent.auditor import Auditor
from hierarchy.latent.players import Chooser, LatentConsensus, NotAsked, Responder, Reviewer, Reviser
from hierarchy.latent.review import Scale
from hierarchy.latent.said import Said
from hierarchy.latent.view import LatentView
from hierarchy.latent.window import LatentWindow
from hierarchy.oversee import Plays
from hierarchy.plan import PlannedStep
from hierarchy.rules import TopShare

Crew = Callable[[Arm, Auditor | None], Mapping[str, Plays[LatentView, Said]]]
"""Makes the performers of an arm's steps, by instance name, with the auditor given."""


def latent_crew(arm: Arm, auditor: Auditor | None = None) -> Mapping[str, Plays[LatentView, Said]]:
    """A performer per step of the arm's plan, by instance name. Without an auditor, cases for one are parked.

    Raises InputError for a graph that needs more than words: agents that are not simulated, several candidates, labels.
    """
    scale = Scale.of(arm.plan)
    players: dict[str, Agent] = {}
    for name, spec in arm.used().items():
        if not isinstance(spec.model, SimulatedSpec):
            raise InputError(f"agent {name!r} is {spec.model.kind}; cases without text need simulated agents")
        players[name] = arm.agent(name)
    return {step.name: _performer(step, players, scale, arm, auditor) for step in arm.plan.steps}


def _performer(
    step: PlannedStep, players: Mapping[str, Agent], scale: Scale, arm: Arm, auditor: Auditor | None
) -> Plays[LatentView, Said]:
    if step.step.candidates > 1 or step.step.labels:
        what = "several candidates" if step.step.candidates > 1 else "labels"
        raise InputError(f"graph {arm.plan.graph.name!r}: step {step.name!r} has {what}, which cases without text lack")
    if step.step.reviewers > 1:
        raise InputError(
            f"graph {arm.plan.graph.name!r}: step {step.name!r} asks for {step.step.reviewers} reviewers; in the lab "
            "one person decides a case, so give it `reviewers: 1`"
        )
    if not step.asked:
        return NotAsked(scale)
    if step.role is Role.AUDITOR:
        return auditor or Auditor(arm.plan.places)
    if isinstance(step.step.rule, TopShare):
        return LatentWindow(step.step.rule)
    if step.step.rule is not None:
        _refuse_windows(step, arm)
        return LatentConsensus(scale)
    agent = players[str(step.step.agent)]
    assert isinstance(agent.spec.model, SimulatedSpec)
    draws = agent.draws(agent.spec.model, arm.plan.places, step.step.sample)
    match step.role:
        case Role.BASE:
            return Responder(draws)
        case Role.REVISER:
            return Reviser(draws)
        case Role.JUDGE:
            return Chooser(draws)
    return Reviewer.of(draws, scale, arm.plan, step)


def _refuse_windows(step: PlannedStep, arm: Arm) -> None:
    for source in step.members:
        for index in source.instances:
            if isinstance(arm.plan.steps[index].step.rule, TopShare):
                raise InputError(
                    f"graph {arm.plan.graph.name!r}: step {step.name!r} counts the window {source.step!r} as a member, "
                    "which cases without text cannot"
                )
