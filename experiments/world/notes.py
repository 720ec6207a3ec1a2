"""Training samples with notes, as the prompt style writes them: critics that hear others, debaters that have a side.

The shipped models are trained without any; `oversight world train --notes SHARE` mixes them in.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from experiments.world.critiques import Beliefs, Review
from experiments.world.samples import Sample, Scene, scene, some_reply
from experiments.world.words import PRINCIPLES

WRONG, RIGHT = "wrong", "right"
"""The style's words for prosecution and defence."""
_TRUSTING, _DOUBTING = Beliefs("trusting", 0.0), Beliefs("doubting", 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Informed(Beliefs):
    """Beliefs of somebody who takes another's word (`by`) about what it does not know itself."""

    by: Beliefs = _TRUSTING

    def covers(self, name: str) -> bool:
        """Whether the truth about this name is known here, or told."""
        return Beliefs.covers(self, name) or (self.by.covers(name) and not self.by.mistakes(name))


def noted_sample(rng: Random, beliefs: Beliefs) -> Sample:
    """A critic argues a side, before or after the other side; or hears a critic, or a debate, and decides by what it
    knows itself and, where it knows nothing, by what the better informed speaker knows."""
    here = scene(rng)
    said = some_reply(rng, here)
    if rng.random() < 0.4:
        return _argument(rng, here, said, beliefs)
    speaker = Beliefs(f"speaker{rng.randrange(50)}", rng.choice((0.5, 0.95)))
    notes = _debate(rng, here, said, speaker) if rng.random() < 0.5 else _note("", here.review(said, speaker))
    found = here.review(said, Informed(beliefs.family, beliefs.coverage, beliefs.mistaken, speaker))
    return _asked(rng, here.open().say("assistant", said).say("note", notes), found)


def argued(rng: Random, here: Scene, said: str, beliefs: Beliefs, side: str) -> Review:
    """The case for a side: what these beliefs find, where that is the side; else what one would say who doubted, or
    believed, all that is stated."""
    found = here.review(said, beliefs)
    if bool(found.problems) == (side == WRONG):
        return found
    bent = here.review(said, _DOUBTING if side == WRONG else _TRUSTING)
    if side == RIGHT:
        return Review(bent.trace, ())
    return bent if bent.problems else Review(bent.trace, (rng.choice(PRINCIPLES),))


def _argument(rng: Random, here: Scene, said: str, beliefs: Beliefs) -> Sample:
    side, other = rng.sample((WRONG, RIGHT), 2)
    sample = here.open().say("assistant", said)
    if rng.random() < 0.5:
        sample.say("note", _note(other, argued(rng, here, said, beliefs, other)))
    return _asked(rng, sample.say("note", f"say {side}"), argued(rng, here, said, beliefs, side))


def _debate(rng: Random, here: Scene, said: str, speaker: Beliefs) -> str:
    return " ".join(_note(side, argued(rng, here, said, speaker, side)) for side in (WRONG, RIGHT))


def _note(side: str, review: Review) -> str:
    """One turn as others are shown it: the side, the critique, and what was found."""
    return f"{side} {review.text()} {Review('', review.problems).text()}"


def _asked(rng: Random, sample: Sample, found: Review) -> Sample:
    sample.learn("critic", found.text())
    principle = rng.choice(found.problems) if found.problems and rng.random() < 0.5 else rng.choice(PRINCIPLES)
    return sample.ask("verdict", principle, "yes" if principle in found.problems else "no")
