"""An agent: a role played by a model, asked in a style, drawing from its own random stream."""

from __future__ import annotations

from functools import cached_property

from agents import rng
from agents.asking import Asker
from agents.columns import Output
from agents.models import build_model
from agents.roles.judge import compare
from agents.roles.respond import answer, revise
from agents.roles.review import criticise, screen
from agents.simulated.draws import Draws
from agents.simulated.play import play
from agents.simulated.spec import SimulatedSpec
from agents.spec import AgentSpec
from agents.style import load_style
from agents.view import View
from agents.vocabulary import Role


class Agent:
    """Plays any role but the auditor's. The model is built at the first act, and shared by equal specs in a process."""

    def __init__(self, name: str, spec: AgentSpec, seed: int) -> None:
        self.name, self.spec, self.seed = name, spec, seed
        self._draws: dict[tuple[int, int], Draws] = {}

    @property
    def stream(self) -> rng.Keys:
        """The key of the agent's random stream: of the run's seed and the stream's name, not of any node."""
        return rng.key(self.seed, self.spec.stream or self.name)

    def fingerprint(self) -> rng.Keys:
        """What the agent's outputs depend on besides their inputs."""
        style = load_style(self.spec.style)
        asked = self.spec.model_dump_json(exclude={"cpus", "gpus", "style"})
        return rng.fold(self.stream, rng.key(asked, style.model_dump_json()))

    @cached_property
    def asker(self) -> Asker:
        """The agent's way of asking its model."""
        if isinstance(self.spec.model, SimulatedSpec):
            raise ValueError(f"agent {self.name!r} is simulated: it is not asked in words")
        model, style = build_model(self.spec.model), load_style(self.spec.style)
        return Asker(model, style, self.stream, self.spec.threshold)

    def draws(self, spec: SimulatedSpec, principles: int, sample: int = 0) -> Draws:
        """The draws of a simulated agent, for one of its independent opinions (see `Step.sample`)."""
        if (principles, sample) not in self._draws:
            name = self.spec.stream or self.name
            self._draws[principles, sample] = Draws(spec, self.seed, name, principles, sample)
        return self._draws[principles, sample]

    def check(self) -> None:
        """Raise InputError for what cannot work: a style, a file, a function or a model folder that is not there.

        Cheap: no weights are loaded, so a program can check every agent before it starts or writes anything.
        """
        if not isinstance(self.spec.model, SimulatedSpec):
            build_model(self.spec.model)
        load_style(self.spec.style)

    def act(self, view: View) -> Output:
        """Answer every row of the view in the view's role. Raises ValueError for a role that no model plays."""
        if view.role in (Role.CONSENSUS, Role.AUDITOR):
            raise ValueError(f"agent {self.name!r} cannot play {view.role}: no model does")
        if isinstance(self.spec.model, SimulatedSpec):
            return play(self.draws(self.spec.model, view.places, view.sample), view, self.spec.critique)
        return asked(self.asker, view, self.spec.critique)


def asked(asker: Asker, view: View, critique: bool) -> Output:
    """What a model says in the view's role; `critique`: whether a critic writes before it judges."""
    match view.role:
        case Role.BASE:
            return answer(asker, view)
        case Role.REVISER:
            return revise(asker, view)
        case Role.CRITIC:
            return criticise(asker, view, critique)
        case Role.SAFETY:
            return screen(asker, view)
    return compare(asker, view)
