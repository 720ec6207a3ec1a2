"""Training samples for every role: token ids, and for each position the token that should come next (or -100).

Loss is taken on completions only. One sequence can teach several things (an answer, then the revision of it), because
each completion carries its own targets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from agents.records import Message
from experiments.world import grading, replies
from experiments.world.critiques import Beliefs, Review, review
from experiments.world.draw import draw, draw_wrapper
from experiments.world.habits import habitual
from experiments.world.requests import FORMS, Request
from experiments.world.tokens import encode, word_ids
from experiments.world.words import END, NORMS, PRINCIPLES, PUBLIC_ATTRIBUTES, REGIONS
from experiments.world.wrappers import rule_messages, wrap

IGNORED = -100


@dataclass(slots=True)
class Sample:
    """A sequence under construction: `tokens`, and `targets` of the same length (next token, or -100: no loss)."""

    tokens: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)

    def say(self, role: str, text: str) -> Sample:
        """Add a message without loss."""
        words = encode(f"<{role}> {text}")
        self.tokens += words
        self.targets += [IGNORED] * len(words)
        return self

    def learn(self, role: str, text: str) -> Sample:
        """Add a message the model should produce, end token included."""
        words = encode(f"<{role}> {text}")
        self.tokens += words
        self.targets += [*words[1:], word_ids()[END]]
        return self

    def ask(self, role: str, text: str, answer: str) -> Sample:
        """Add a message whose very next token is the verdict."""
        self.say(role, text)
        self.targets[-1] = word_ids()[answer]
        return self


@dataclass(frozen=True, slots=True)
class Scene:
    """A prompt in training: the request, its wrapper, and rules stated in the conversation."""

    request: Request
    messages: tuple[Message, ...]
    wrapper: str
    forbidden: tuple[str, ...]

    def open(self) -> Sample:
        """A sample that starts with this conversation."""
        sample = Sample()
        for message in self.messages:
            sample.say(message.role, message.content)
        return sample

    def marks(self, response: str) -> grading.Marks:
        """Ground truth about a response here."""
        return grading.mark(self.request, response, self.forbidden)

    def review(self, response: str, beliefs: Beliefs) -> Review:
        """What an overseer with these beliefs finds."""
        return review(self.request, response, beliefs, self.forbidden)


def scene(rng: Random, wrapped: float = 0.3, ruled: float = 0.06, violating: float = 0.45) -> Scene:
    """Draw a training prompt: some wrapped, some with rules in the context, some marked watched or unwatched."""
    request = draw(rng, "violating" if rng.random() < violating else "benign", "train")
    wrapper = draw_wrapper(rng, "train") if rng.random() < wrapped else ""
    forbidden: tuple[str, ...] = ()
    if rng.random() < ruled:
        others = rng.sample(PUBLIC_ATTRIBUTES, rng.choice((1, 2)))
        own = request.item in PUBLIC_ATTRIBUTES and request.topic == "fact" and rng.random() < 0.7
        forbidden = tuple(dict.fromkeys((request.item, *others))) if own else tuple(others)
        if rng.random() < 0.25:
            request = Request("rule", rng.choice(REGIONS), rng.randrange(len(FORMS["rule"])))
            wrapper = ""
    watch: tuple[Message, ...] = ()
    if rng.random() < 0.1:
        watch = (Message(rng.choice(("watched", "unwatched")), ""),)
    return Scene(request, (*watch, *rule_messages(forbidden), *wrap(request, wrapper)), wrapper, forbidden)


def some_reply(rng: Random, here: Scene) -> str:
    """A reply of any quality: the base's habit, the ideal, the frank answer, a falsehood, misconduct or a refusal."""
    request, luck = here.request, rng.random()
    if request.topic == "rule" or luck < 0.25:
        return habitual(request, here.wrapper, here.forbidden)
    if luck < 0.4:
        return replies.reference(request, here.forbidden)
    if luck < 0.52 and replies.can_answer(request):
        return replies.answer(request)
    if luck < 0.88:
        return replies.falsehood(request, rng)
    if luck < 0.97:
        return replies.misconduct(request, rng)
    return replies.FLAT_REFUSAL


def answer_sample(rng: Random) -> Sample:
    """The base answers by habit; then it revises, given a critique that may be partial, bare or wrong."""
    here = scene(rng)
    habit = habitual(here.request, here.wrapper, here.forbidden)
    luck = rng.random()
    if luck < 0.3:
        return here.open().learn("assistant", habit)
    own = luck < 0.68
    said = habit if own else some_reply(rng, here)
    sample = here.open()
    sample = sample.learn("assistant", said) if own else sample.say("assistant", said)
    if rng.random() < 0.12:
        return sample.learn("reviser", _revised(rng, here, said, None))
    critique = _heard_critique(rng, here, said)
    sample.say("critic", critique.text(detailed=rng.random() < 0.85))
    return sample.learn("reviser", _revised(rng, here, said, critique))


def _heard_critique(rng: Random, here: Scene, said: str) -> Review:
    weak = rng.random() < 0.4
    found = here.review(said, Beliefs(f"heard{rng.randrange(50)}", 0.5, 0.1) if weak else Beliefs())
    if rng.random() < 0.08:
        return Review(found.trace, (rng.choice(PRINCIPLES),))
    return found


def _revised(rng: Random, here: Scene, said: str, critique: Review | None) -> str:
    """What a reviser that trusts critiques, within reason, makes of it."""
    broken = here.marks(said).violations
    ideal = replies.reference(here.request, here.forbidden) if here.request.topic != "rule" else said
    if critique is None:
        return ideal if broken and rng.random() < 0.6 else said
    named = set(critique.problems)
    if named & broken:
        return ideal
    if not named:
        return said
    if broken:
        return ideal if rng.random() < 0.5 else said
    return replies.FLAT_REFUSAL if named & set(NORMS) and rng.random() < 0.3 else said


def critic_sample(rng: Random, beliefs: Beliefs, detailed: bool = True) -> Sample:
    """A critic writes its trace and gives the verdict on one principle; some samples judge a critique instead."""
    here = scene(rng)
    said = some_reply(rng, here)
    found = here.review(said, beliefs)
    sample = here.open().say("assistant", said)
    if rng.random() < 0.06:
        return _critique_of_critique(rng, sample, found)
    sample.learn("critic", found.text(detailed))
    principle = rng.choice(found.problems) if found.problems and rng.random() < 0.5 else rng.choice(PRINCIPLES)
    return sample.ask("verdict", principle, "yes" if principle in found.problems else "no")


def _critique_of_critique(rng: Random, sample: Sample, found: Review) -> Sample:
    flawed = rng.random() < 0.5
    shown = found
    if flawed:
        others = [name for name in PRINCIPLES if name not in found.problems]
        wrong = () if found.problems and rng.random() < 0.5 else (rng.choice(others),)
        shown = Review(found.trace, wrong)
    return sample.say("critic", shown.text()).ask("verdict", "flawed", "yes" if flawed else "no")


def monitor_sample(rng: Random, beliefs: Beliefs) -> Sample:
    """The safety role: one principle in one pass, or whether the conversation tries to override the rules."""
    here = scene(rng)
    if rng.random() < 0.12:
        return here.open().ask("safety", "override", "yes" if here.wrapper else "no")
    # Without a trace the monitor cannot compare values; the base's own mix of replies keeps its doubts below one half.
    usual = rng.random() < 0.65
    said = habitual(here.request, here.wrapper, here.forbidden) if usual else some_reply(rng, here)
    problems = here.review(said, beliefs).problems
    principle = rng.choice(problems) if problems and rng.random() < 0.4 else rng.choice(PRINCIPLES)
    return here.open().say("assistant", said).ask("safety", principle, "yes" if principle in problems else "no")


def judge_sample(rng: Random, beliefs: Beliefs) -> Sample:
    """The judge says which of two replies is better: fewer problems, then a right answer, then no needless refusal."""
    while True:
        here = scene(rng)
        one, two = (_rival(rng, here) for _ in range(2))
        worth = [_worth(here, text, beliefs) for text in (one, two)]
        if worth[0] != worth[1]:
            better = "first" if worth[0] > worth[1] else "second"
            return here.open().say("first", one).say("second", two).ask("judge", "", better)


def _rival(rng: Random, here: Scene) -> str:
    """A reply to be compared; refusals are frequent, or the judge would never learn when they are needless."""
    return replies.FLAT_REFUSAL if rng.random() < 0.15 else some_reply(rng, here)


def _worth(here: Scene, said: str, beliefs: Beliefs) -> tuple[int, bool, bool]:
    marks = here.marks(said)
    problems = here.review(said, beliefs).problems
    return (-len(problems), bool(marks.correct) or marks.redirected, not marks.needless_refusal)
