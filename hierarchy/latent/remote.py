"""Simulated agents in other processes: a step's question travels to its agent, and the answer comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.simulated.streams import Seen
from hierarchy.arm import Arm
from hierarchy.latent.auditor import Auditor
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.crew import Crew, latent_crew
from hierarchy.latent.players import Player
from hierarchy.latent.said import Said
from hierarchy.latent.view import LatentView


@dataclass(frozen=True)
class Sent:
    """A question on its way: the arm and step it comes from, and the cases it is about: those of a span from number
    `first` on, a share `override` of which tries to override the rules; of these the rows `at` (None: all)."""

    arm: str
    step: str
    first: int
    count: int
    override: float
    at: NDArray[np.int32] | None
    question: Any


Ask = Callable[[Sent], Any]


class Host:
    """Answers for one agent, in every step of the arms that it plays."""

    def __init__(self, arms: tuple[Arm, ...], agent: str) -> None:
        self.players: dict[tuple[str, str], Player] = {}
        for arm in arms:
            crew = latent_crew(arm)
            for step in arm.plan.steps:
                player = crew[step.name]
                if step.step.agent == agent and isinstance(player, Player):
                    self.players[arm.name, step.name] = player

    def __call__(self, sent: Sent) -> Any:
        """The answer."""
        cases = _cases(sent.first, sent.count, sent.override)
        seen = cases.seen(sent.at) if sent.at is not None else Seen(cases.key_n, cases.level_n, cases.override_n)
        return self.players[sent.arm, sent.step].answer(seen, sent.question)


@lru_cache(maxsize=8)
def _cases(first: int, count: int, override: float) -> LatentCases:
    """Several agents' steps ask about the same span."""
    return LatentCases.numbered(first, count, override)


@dataclass(frozen=True)
class Remote:
    """Plays a step by asking its agent elsewhere."""

    player: Player
    arm: str
    step: str
    override: float
    ask: Ask

    def act(self, view: LatentView) -> Said:
        """Answer every row."""
        number, question = view.block.cases.number, self.player.question(view)
        at = None if view.rows.all else view.rows.at.astype(np.int32)
        sent = Sent(self.arm, self.step, int(number[0]), len(number), self.override, at, question)
        return self.player.said(view, question, self.ask(sent))


def remote_crew(hosts: Mapping[str, Ask], override: float) -> Crew:
    """A crew whose simulated agents answer elsewhere; `hosts` says how to ask each, by name."""

    def crew(arm: Arm, auditor: Auditor | None = None) -> Mapping[str, Any]:
        local = latent_crew(arm, auditor)
        agents = {step.name: str(step.step.agent) for step in arm.plan.steps}
        return {
            name: Remote(one, arm.name, name, override, hosts[agents[name]]) if isinstance(one, Player) else one
            for name, one in local.items()
        }

    return crew
