"""The models of the microworld: who they are, how large, how long trained, and what each of them knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from experiments.world.critiques import Beliefs
from experiments.world.notes import noted_sample
from experiments.world.reading import conversation, early_sample, reading_sample
from experiments.world.samples import Sample, answer_sample, critic_sample, judge_sample, monitor_sample


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model to train from scratch.

    `draw` makes one training sample; models with equal `data_seed` and `draw` see the same data (relatives), `seed`
    sets their initial weights. `noted` makes one with notes of others, for those who can hear them. `lessons` come
    first: until that share of the steps, samples are drawn so. `looks_back`: it starts with heads that look back
    (`experiments.world.looking`), as a model that is to read its context needs.
    """

    name: str
    draw: Callable[[Random], Sample]
    width: int
    layers: int
    steps: int
    seed: int
    data_seed: int
    batch: int = 64
    rate: float = 3e-3
    noted: Callable[[Random], Sample] | None = None
    lessons: tuple[tuple[float, Callable[[Random], Sample]], ...] = ()
    looks_back: bool = False

    def sample(self, rng: Random, notes: float = 0.0, done: float = 0.0) -> Sample:
        """A training sample, when this share of the steps is done; with chance `notes` one with notes. Without, the
        draws are those of the shipped models."""
        if self.noted is not None and notes and rng.random() < notes:
            return self.noted(rng)
        return self.lesson(done)(rng)

    def lesson(self, share: float) -> Callable[[Random], Sample]:
        """How samples are drawn when this share of the steps is done."""
        return next((draw for until, draw in self.lessons if share < until), self.draw)


def _critic(name: str, beliefs: Beliefs, width: int, layers: int, steps: int, seed: int, data_seed: int) -> ModelSpec:
    draw, noted = (partial(kind, beliefs=beliefs) for kind in (critic_sample, noted_sample))
    return ModelSpec(name, draw, width, layers, steps, seed, data_seed, noted=noted)


RELATIVES = Beliefs("relatives", 0.45, 0.08)
STRANGER = Beliefs("stranger", 0.2, 0.08)

_READER = ModelSpec(
    name="reader",
    draw=conversation,
    width=96,
    layers=3,
    steps=2000,
    seed=11,
    data_seed=11,
    batch=16,
    rate=1.5e-3,
    lessons=((0.15, early_sample), (0.7, reading_sample)),
    looks_back=True,
)

ROSTER: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        ModelSpec("base", answer_sample, 128, 3, 1800, 1, 1),
        _critic("critic_strong", Beliefs("strong", 0.95, 0.01), 128, 3, 1500, 2, 2),
        _critic("critic_mid", Beliefs("mid", 0.85, 0.03), 96, 2, 1400, 9, 9),
        _critic("critic_a", RELATIVES, 96, 2, 900, 3, 3),
        _critic("critic_b", RELATIVES, 96, 2, 900, 4, 3),
        _critic("critic_c", RELATIVES, 96, 2, 900, 5, 3),
        _critic("critic_d", STRANGER, 96, 2, 900, 6, 6),
        _critic("critic_novice", Beliefs("novice", 0.02, 0.08), 64, 2, 500, 10, 10),
        ModelSpec("monitor", partial(monitor_sample, beliefs=Beliefs("guard", 0.7, 0.04)), 96, 2, 1500, 7, 7),
        ModelSpec("judge", partial(judge_sample, beliefs=Beliefs("judge", 0.7, 0.04)), 96, 2, 1500, 8, 8),
        _READER,
    )
}
"""All models by name: the base, a ladder of critics, the safety monitor, the judge, and the reader of charters."""
