"""An auditor of cases without text, who knows the truth, or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agents.simulated.draws import Draws
from agents.simulated.spec import SimulatedSpec
from agents.vocabulary import Verdict
from hierarchy.flow import Bools
from hierarchy.latent.said import Decision
from hierarchy.latent.view import LatentView


@dataclass(frozen=True)
class Auditor:
    """A person who knows the truth and errs (see `SimulatedAuditorSpec`), or nobody.

    `window`: numbers of the cases that are within the budget, sorted; None for no budget. A case outside it is left to
    the graph's policy. `waits`: nobody is there, and every case is parked.
    """

    principles: int
    seed: int = 0
    name: str = "simulated"
    sensitivity: float = 0.95
    specificity: float = 0.95
    minutes: float = 3.0
    revises: bool = True
    window: NDArray[np.uint64] | None = None
    waits: bool = False

    @classmethod
    def absent(cls, principles: int) -> Auditor:
        """Nobody: cases wait."""
        return cls(principles, waits=True)

    @cached_property
    def draws(self) -> Draws:
        """Its errors: one draw a case, whatever the principle."""
        spec = SimulatedSpec(sensitivity=self.sensitivity, false_alarm=1.0 - self.specificity)
        return Draws(spec, self.seed, f"auditor {self.name}", 1)

    def act(self, view: LatentView) -> Decision:
        """Accept what it finds fine; revise (or reject) what it finds violating."""
        word, revision = view.subject
        n = len(view)
        if self.waits:
            return Decision(np.zeros(n, np.int8), word, revision)
        truth = (word != 0).view(np.uint8)
        flagged = self.draws.review(view.seen, truth, 1, revision, "audit").flag_n.astype(np.int8)
        accepted, refused = np.int8(Verdict.ACCEPT), np.int8(Verdict.REVISE if self.revises else Verdict.REJECT)
        verdict = accepted + flagged * (refused - accepted)
        policy = None if self.window is None else ~_within(self.window, view.numbers)
        if policy is not None:
            verdict = np.where(policy, np.int8(Verdict.REJECT), verdict)
        return Decision(verdict, np.zeros(n, word.dtype), revision + 1, policy, self.minutes)


def _within(window: NDArray[np.uint64], number_n: NDArray[np.uint64]) -> Bools:
    if not len(window):
        return np.zeros(len(number_n), bool)
    at = np.minimum(np.searchsorted(window, number_n), len(window) - 1)
    return np.asarray(window[at] == number_n)
