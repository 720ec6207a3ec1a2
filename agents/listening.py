"""What an agent was asked: its role is played once more with a model that only listens and repeats what was said.

So a question is found in exactly the words in which the agent's model read it, without asking any model again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from agents.agent import Agent, asked
from agents.asking import Asker
from agents.columns import Output
from agents.model import Generated, Prompt, Query, Scored, Use
from agents.simulated.spec import SimulatedSpec
from agents.style import load_style
from agents.view import View
from constitutions.errors import InputError


@dataclass(frozen=True)
class Heard:
    """One call to a model: what it was for, and per question the row of the view, the principle's bit and the prompt.

    `labels` are the answers to choose from; none where text was to be written.
    """

    use: Use
    rows: Sequence[int]
    bits: Sequence[int]
    prompts: Sequence[Prompt]
    labels: tuple[str, ...]


class Listener:
    """A model that keeps what it is asked. Of a critique it repeats what `said` has; of a verdict it knows nothing."""

    def __init__(self, view: View, said: Output, uses: Collection[str]) -> None:
        self._uses = uses
        self.heard: list[Heard] = []
        self._said = said
        self._row = {case: n for n, case in enumerate(view.cases.case_id_N.tolist())}

    def generate(self, query: Query) -> Generated:
        """The critique that was written then."""
        rows = [self._row[case] for case in query.case_id_N.tolist()]
        self._keep(query, rows, ())
        text = self._said["critique"][rows]
        none = np.zeros(len(query), np.int32)
        return Generated(text, np.array([words is not None for words in text], bool), none, none)

    def score(self, query: Query, labels: tuple[str, ...]) -> Scored:
        """All labels alike."""
        if query.use in self._uses:
            self._keep(query, [self._row[case] for case in query.case_id_N.tolist()], labels)
        return Scored(np.full((len(query), len(labels)), 1 / len(labels)), np.zeros(len(query), np.int32))

    def _keep(self, query: Query, rows: Sequence[int], labels: tuple[str, ...]) -> None:
        if query.use in self._uses:
            self.heard.append(Heard(query.use, rows, query.principle_N.tolist(), list(query.prompts()), labels))


def in_words(agent: Agent) -> Agent:
    """The agent. Raises InputError for a simulated one, which is not asked in words."""
    if isinstance(agent.spec.model, SimulatedSpec):
        raise InputError(f"agent {agent.name!r} is simulated: it was asked nothing in words")
    return agent


def listen(agent: Agent, view: View, said: Output, uses: Collection[str]) -> list[Heard]:
    """The calls for these uses that the agent made to its model about this view, in order; `said` is what it answered.

    Raises InputError for a simulated agent.
    """
    listener, spec = Listener(view, said, uses), in_words(agent).spec
    asked(Asker(listener, load_style(spec.style), agent.stream, spec.threshold), view, spec.critique)
    return listener.heard
