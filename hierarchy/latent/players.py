"""Who carries out the steps of a latent block: simulated agents, a class per role, and consensus on words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.simulated import lanes as bits
from agents.simulated.arguing import Turn
from agents.simulated.draws import Draws
from agents.simulated.lanes import Words
from agents.simulated.streams import Revision, Seen
from agents.vocabulary import RESPONDERS, Role, Side
from hierarchy.flow import Bools
from hierarchy.latent.consensus import decide
from hierarchy.latent.hearing import flagged, heard_by, member, readers, turns
from hierarchy.latent.review import Review, Scale
from hierarchy.latent.said import Choice, Floats, Response, Said
from hierarchy.latent.view import LatentView
from hierarchy.plan import Plan, PlannedStep, Source
from hierarchy.rules import TopShare


class Player(ABC):
    """A simulated agent in a role, in three parts: what is asked, the answer, and what the answer says.

    Questions and answers are plain data, so that the answer can be found in another process.
    """

    draws: Draws

    def act(self, view: LatentView) -> Said:
        """Answer every row."""
        question = self.question(view)
        return self.said(view, question, self.answer(view.seen, question))

    @abstractmethod
    def question(self, view: LatentView) -> Any:
        """What is asked about the rows of the view."""

    @abstractmethod
    def answer(self, seen: Seen, question: Any) -> Any:
        """The answer."""

    @abstractmethod
    def said(self, view: LatentView, question: Any, answer: Any) -> Said:
        """What the answer says of the rows of the view."""


@dataclass(frozen=True)
class Responder(Player):
    """A base: answers."""

    draws: Draws

    def question(self, view: LatentView) -> None:
        """Nothing but the cases."""
        return

    def answer(self, seen: Seen, question: None) -> Words:
        """A first answer to every case: its violations, [n]."""
        return self.draws.respond(seen)

    def said(self, view: LatentView, question: None, answer: Words) -> Response:
        """The first response."""
        return Response(answer, 0)


@dataclass(frozen=True)
class Reviser(Player):
    """Answers again."""

    draws: Draws

    def question(self, view: LatentView) -> tuple[Words, Revision, Words | None]:
        """(the response, its revision number, what reviewers flagged that it may read)."""
        return (*view.subject, flagged(view) if self.draws.spec.informed else None)

    def answer(self, seen: Seen, question: tuple[Words, Revision, Words | None]) -> Words:
        """A better answer: its violations, [n]."""
        return self.draws.revise(seen, *question)

    def said(self, view: LatentView, question: tuple[Words, Revision, Words | None], answer: Words) -> Response:
        """The next revision."""
        return Response(answer, question[1] + 1)


Reviewed = tuple[Words, Revision, int, tuple[list[Words], list[Words]] | None, list[Turn]]


@dataclass(frozen=True)
class Reviewer(Player):
    """A critic, or a safety model. `reviewed`: the reviewer it is the critic of; None where it reviews responses.
    `side`: what it is assigned to argue; `listens`: whether it may read those who are assigned one."""

    draws: Draws
    scale: Scale
    use: str
    override: bool
    reviewed: Source | None
    side: Side | None
    listens: bool

    @classmethod
    def of(cls, draws: Draws, scale: Scale, plan: Plan, step: PlannedStep) -> Reviewer:
        """The reviewer of a step."""
        subject = step.subject
        recursive = subject is not None and plan.steps[subject.instances[0]].role not in RESPONDERS
        use = "critic of critic" if recursive else step.role.value
        side, reviewed = step.step.side, subject if recursive else None
        read = [plan.steps[source.instances[0]].step.side for source in step.reads if source.instances]
        listens = side is None and any(other is not None for other in read)
        return cls(draws, scale, use, step.role is Role.SAFETY, reviewed, side, listens)

    @property
    def _places(self) -> tuple[int, ...]:
        return tuple(range(self.draws.principles))

    def question(self, view: LatentView) -> Reviewed:
        """(the response, its revision number, the principles asked about, what others said that it follows, what those
        with a side argued)."""
        heard = None
        if self.draws.spec.sycophancy:
            heard = heard_by([member(view, self.reviewed)] if self.reviewed is not None else readers(view))
        return (*view.subject, view.step.mask, heard, turns(view) if self.listens else [])

    def answer(self, seen: Seen, question: Reviewed) -> tuple[Words, Words | None]:
        """(what it flags, what could be read: None for all), [n]."""
        truth, revision, mask, heard, argued = question
        reading = self.draws.review(seen, truth, mask, revision, self.use, side=self.side)
        flag = reading.flag_n
        if heard is not None and heard[0]:
            flag = self.draws.follow(seen, flag, *heard, revision)
        if argued:
            flag = self.draws.weigh(seen.key_n, flag, argued, self._places, revision) & flag.dtype.type(mask)
        return flag if reading.present_n is None else flag & reading.present_n, reading.present_n

    def said(self, view: LatentView, question: Reviewed, answer: tuple[Words, Words | None]) -> Review:
        """The review; confidences are drawn when somebody asks for them."""
        (truth, revision, mask, *_), (flag, present) = question, answer
        draws, key_n, tries, side = self.draws, view.seen.key_n, view.seen.override_n, self.side

        def each() -> Floats:
            if side is None:
                return draws.confidences(key_n, ~(flag ^ truth), self._places, revision)
            return draws.pleads(key_n, truth, self._places, revision, side)

        return Review(
            flag,
            present,
            mask,
            self.scale,
            each,
            override=(lambda: draws.override(key_n, tries)) if self.override else None,
        )


Options = list[tuple[Bools, Words, Revision]]


@dataclass(frozen=True)
class Chooser(Player):
    """A judge."""

    draws: Draws

    def question(self, view: LatentView) -> Options:
        """The options: (which rows have it, words, revision)."""
        return view.options

    def answer(self, seen: Seen, question: Options) -> NDArray[np.int16]:
        """Round robin: the option that wins most comparisons, the first of equals; the only one there is, unasked; -1
        where there is none, [n]."""
        wins = np.zeros((len(question), len(seen)), np.int16)
        here = np.stack([ran for ran, _, _ in question])
        for a, (_, first, of_first) in enumerate(question):
            for b in range(a + 1, len(question)):
                _, second, of_second = question[b]
                both = here[a] & here[b]
                better = self.draws.prefer(seen, first, second, _later(of_first, of_second), a * len(question) + b)
                wins[a] += both & better
                wins[b] += both & ~better
        chosen = np.where(here, wins, -1).argmax(axis=0).astype(np.int16)
        return np.where(here.any(axis=0), chosen, np.int16(-1))

    def said(self, view: LatentView, question: Options, answer: NDArray[np.int16]) -> Choice:
        """The choice."""
        sure, several = np.float32(self.draws.spec.sure), np.stack([ran for ran, _, _ in question]).sum(axis=0) > 1
        return Choice(answer, lambda: np.where(several, sure, np.float32(1.0)) * (answer >= 0))


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
