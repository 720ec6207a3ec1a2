"""Performers of a latent block: simulated agents in every role, consensus on words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.agent import Agent
from agents.simulated import lanes as bits
from agents.simulated.draws import Draws, Revision
from agents.simulated.lanes import Words
from agents.simulated.spec import SimulatedSpec
from agents.vocabulary import RESPONDERS, REVIEWERS, Role
from constitutions.errors import InputError
from hierarchy.arm import Arm
from hierarchy.flow import Bools
from hierarchy.latent.auditor import Auditor
from hierarchy.latent.consensus import Member, decide
from hierarchy.latent.review import Review, Scale
from hierarchy.latent.said import Choice, Floats, Response, Said
from hierarchy.latent.view import LatentView
from hierarchy.oversee import Plays
from hierarchy.plan import Plan, PlannedStep
from hierarchy.rules import TopShare

_REVIEWING = REVIEWERS | {Role.CONSENSUS}


def latent_crew(arm: Arm, auditor: Auditor | None = None) -> Mapping[str, Plays[LatentView, Said]]:
    """A performer per step of the arm's plan, by instance name. Without an auditor, cases for one are parked.

    Raises InputError for a graph that needs more than words: agents that are not simulated, several candidates, labels.
    """
    scale = scale_of(arm.plan)
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
        raise InputError(f"graph {arm.plan.graph.name!r}: step {step.name!r} looks at a window, which words cannot yet")
    if step.step.rule is not None:
        return LatentConsensus(scale)
    agent = players[str(step.step.agent)]
    assert isinstance(agent.spec.model, SimulatedSpec)
    return LatentAgent(agent.draws(agent.spec.model, arm.plan.places, step.step.sample), scale)


@dataclass(frozen=True)
class LatentAgent:
    """A simulated agent in the role of whatever step it is asked for."""

    draws: Draws
    scale: Scale

    def act(self, view: LatentView) -> Said:
        """Answer every row of the view."""
        match view.step.role:
            case Role.BASE:
                return Response(self.draws.respond(view.seen), 0)
            case Role.REVISER:
                word, revision = view.subject
                return Response(self.draws.revise(view.seen, word, revision, _flagged(view)), revision + 1)
            case Role.JUDGE:
                return self._choose(view)
            case _:
                return self._review(view)

    def _review(self, view: LatentView) -> Review:
        truth, revision = view.subject
        mask, draws, key_n, tries = view.step.mask, self.draws, view.seen.key_n, view.seen.override_n
        recursive = _reviews_a_reviewer(view)
        reading = draws.review(
            view.seen, truth, mask, revision, "critic of critic" if recursive else view.step.role.value
        )
        flag = reading.flag_n
        if draws.spec.sycophancy:
            heard = _heard_by(view, _reviewed(view) if recursive else _readers(view))
            flag = draws.follow(view.seen, flag, *heard, revision) if heard[0] else flag
        if reading.present_n is not None:
            flag = flag & reading.present_n
        return Review(
            flag,
            reading.present_n,
            mask,
            self.scale,
            lambda: draws.confidences(key_n, ~(flag ^ truth), tuple(range(draws.principles)), revision),
            override=(lambda: draws.override(key_n, tries)) if view.step.role is Role.SAFETY else None,
        )

    def _choose(self, view: LatentView) -> Choice:
        """Round robin: the option that wins most comparisons, the first of equals; the only one there is, unasked."""
        options = view.options
        wins = np.zeros((len(options), len(view)), np.int16)
        here = np.stack([ran for ran, _, _ in options])
        for a, (_, first, of_first) in enumerate(options):
            for b in range(a + 1, len(options)):
                _, second, of_second = options[b]
                both = here[a] & here[b]
                better = self.draws.prefer(view.seen, first, second, _later(of_first, of_second), a * len(options) + b)
                wins[a] += both & better
                wins[b] += both & ~better
        chosen = np.where(here, wins, -1).argmax(axis=0).astype(np.int16)
        chosen = np.where(here.any(axis=0), chosen, np.int16(-1))
        sure = np.float32(self.draws.spec.sure)
        return Choice(chosen, lambda: np.where(here.sum(axis=0) > 1, sure, np.float32(1.0)) * (chosen >= 0))


@dataclass(frozen=True)
class NotAsked:
    """Stands in for a reviewer that is left out: it has no finding and no confidence, and is not missing."""

    scale: Scale

    def act(self, view: LatentView) -> Review:
        """Nothing was asked."""
        kind = bits.word_type(view.block.plan.places)
        nothing = np.zeros(len(view), kind)
        none = np.zeros((len(view), view.block.plan.places), np.float32)
        return Review(nothing, nothing, nothing, self.scale, lambda: none)


@dataclass(frozen=True)
class LatentConsensus:
    """A consensus step: the members' words in, one word out."""

    scale: Scale

    def act(self, view: LatentView) -> Review:
        """Decide every row of the view."""
        members = [_whole(view, *view.block.heard(source, view.rows)) for source in view.step.members]
        rule = view.step.step.rule
        assert rule is not None
        assert not isinstance(rule, TopShare)
        return decide(rule, view.step.step.members, members, view.step.mask, self.scale, len(view))


def scale_of(plan: Plan) -> Scale:
    """Places and severities of the principles of a plan's steps."""
    place: dict[str, int] = {}
    severity = [0.0] * plan.places
    for step in plan.steps:
        for bit, principle in zip(step.bits, step.constitution.principles, strict=True):
            place[principle.id] = bit
            severity[bit] = float(principle.severity)
    return Scale(place, tuple(severity))


def _later(first: Revision, second: Revision) -> Revision:
    if isinstance(first, int) and isinstance(second, int):
        return max(first, second)
    return np.maximum(first, second)


def _whole(view: LatentView, heard: Bools | None, parts: list[Member]) -> Member:
    """A member's word on every row: the latest instance that ran on it."""
    if len(parts) == 1:
        return heard, parts[0][1]
    count, places = len(view), view.block.plan.places
    kind = bits.word_type(places)
    flag = np.zeros(count, kind)
    present = np.zeros(len(view), kind)
    stuck = np.zeros(len(view), bool)
    asked: Words | int = view.step.mask
    if any(isinstance(said.asked, np.ndarray) for _, said in parts):
        asked = np.zeros(len(view), kind)
    for ran, said in parts:
        where = np.ones(len(view), bool) if ran is None else ran
        flag = np.where(where, said.flag, flag)
        read = np.asarray(said.asked).astype(kind) if said.present is None else said.present
        present = np.where(where, read, present)
        if isinstance(asked, np.ndarray):
            asked = np.where(where, said.asked, asked).astype(kind)
        stuck = np.where(where, False if said.stuck is None else said.stuck, stuck)
    last: Any = parts[-1][1] if parts else None
    scale = last.scale if last is not None else scale_of(view.block.plan)

    def each() -> Floats:
        out = np.zeros((count, places), np.float32)
        for ran, said in parts:
            out = said.each() if ran is None else np.where(ran[:, None], said.each(), out)
        return out

    return heard, Review(flag, present, asked, scale, each, stuck)


def _readers(view: LatentView) -> list[Member]:
    """What the reviewing steps it may read said; a step that did not run on a row flagged nothing there."""
    sources = [source for source in view.step.reads if source.instances]
    reviewing = [s for s in sources if view.block.plan.steps[s.instances[0]].role in _REVIEWING]
    return [_whole(view, *view.block.heard(source, view.rows)) for source in reviewing]


def _flagged(view: LatentView) -> Words | None:
    """Everything that the reviewers it may read flagged; None where it may read none."""
    readers = _readers(view)
    return np.bitwise_or.reduce([_heard_flags(heard, said) for heard, said in readers]) if readers else None


def _heard_by(view: LatentView, readers: list[Member]) -> tuple[list[Words], list[Words]]:
    """What the reviewers flagged, and what they found fine; a word each."""
    flags, passes = [], []
    for heard, said in readers:
        kind = said.flag.dtype.type
        read = said.present if said.present is not None else said.asked
        fine = (kind(read) if isinstance(read, int) else read) & ~said.flag
        flags.append(_heard_flags(heard, said))
        passes.append(fine if heard is None else np.where(heard, fine, kind(0)))
    return flags, passes


def _heard_flags(heard: Bools | None, said: Review) -> Words:
    return said.flag if heard is None else np.where(heard, said.flag, said.flag.dtype.type(0))


def _reviews_a_reviewer(view: LatentView) -> bool:
    subject = view.step.subject
    return subject is not None and view.block.plan.steps[subject.instances[0]].role not in RESPONDERS


def _reviewed(view: LatentView) -> list[Member]:
    assert view.step.subject is not None
    return [_whole(view, *view.block.heard(view.step.subject, view.rows))]
