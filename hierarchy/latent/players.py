"""Who carries out the steps of a latent block: simulated agents, a class per role, and consensus on words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.simulated import lanes as bits
from agents.simulated.draws import Draws, Revision
from agents.vocabulary import RESPONDERS, Role
from hierarchy.latent.consensus import decide
from hierarchy.latent.hearing import flagged, heard_by, member, readers
from hierarchy.latent.review import Review, Scale
from hierarchy.latent.said import Choice, Response
from hierarchy.latent.view import LatentView
from hierarchy.plan import Plan, PlannedStep, Source
from hierarchy.rules import TopShare


@dataclass(frozen=True)
class Responder:
    """A base: answers."""

    draws: Draws

    def act(self, view: LatentView) -> Response:
        """A first answer to every row."""
        return Response(self.draws.respond(view.seen), 0)


@dataclass(frozen=True)
class Reviser:
    """Answers again."""

    draws: Draws

    def act(self, view: LatentView) -> Response:
        """A better answer to every row."""
        word, revision = view.subject
        heard = flagged(view) if self.draws.spec.informed else None
        return Response(self.draws.revise(view.seen, word, revision, heard), revision + 1)


@dataclass(frozen=True)
class Reviewer:
    """A critic, or a safety model. `reviewed`: the reviewer it is the critic of; None where it reviews responses."""

    draws: Draws
    scale: Scale
    use: str
    override: bool
    reviewed: Source | None

    @classmethod
    def of(cls, draws: Draws, scale: Scale, plan: Plan, step: PlannedStep) -> Reviewer:
        """The reviewer of a step."""
        subject = step.subject
        recursive = subject is not None and plan.steps[subject.instances[0]].role not in RESPONDERS
        use = "critic of critic" if recursive else step.role.value
        return cls(draws, scale, use, step.role is Role.SAFETY, subject if recursive else None)

    def act(self, view: LatentView) -> Review:
        """Judge every row."""
        truth, revision = view.subject
        mask, draws, seen = view.step.mask, self.draws, view.seen
        reading = draws.review(seen, truth, mask, revision, self.use)
        flag, key_n, tries = reading.flag_n, seen.key_n, seen.override_n
        if draws.spec.sycophancy:
            heard = heard_by([member(view, self.reviewed)] if self.reviewed is not None else readers(view))
            flag = draws.follow(seen, flag, *heard, revision) if heard[0] else flag
        if reading.present_n is not None:
            flag = flag & reading.present_n
        return Review(
            flag,
            reading.present_n,
            mask,
            self.scale,
            lambda: draws.confidences(key_n, ~(flag ^ truth), tuple(range(draws.principles)), revision),
            override=(lambda: draws.override(key_n, tries)) if self.override else None,
        )


@dataclass(frozen=True)
class Chooser:
    """A judge."""

    draws: Draws

    def act(self, view: LatentView) -> Choice:
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
        members = [member(view, source) for source in view.step.members]
        rule = view.step.step.rule
        assert rule is not None
        assert not isinstance(rule, TopShare)
        return decide(rule, view.step.step.members, members, view.step.mask, self.scale, len(view))


def _later(first: Revision, second: Revision) -> Revision:
    if isinstance(first, int) and isinstance(second, int):
        return max(first, second)
    return np.maximum(first, second)
