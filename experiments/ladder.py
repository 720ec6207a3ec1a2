"""The critic ladder: the run's own critics on a balanced held-out set, where guessing scores one half."""

from __future__ import annotations

import numpy as np

from agents.agent import Agent
from agents.view import Candidates, Cases, View, objects
from agents.vocabulary import Role
from constitutions.constitution import load_constitution
from experiments.agreement import critic_ladder
from experiments.config import ExperimentSpec, LadderSpec
from experiments.prepare import resolve_agents
from experiments.results.models import CriticLadder
from experiments.world.ladder import exhibits


def measure_ladder(spec: ExperimentSpec, ladder: LadderSpec) -> CriticLadder:
    """Accuracy of each critic and the correlation of their errors, on the same exhibits."""
    shown = exhibits(ladder.size, spec.seed)
    constitution = load_constitution(spec.constitution)
    cases = Cases.of([exhibit.case for exhibit in shown])
    text = objects([exhibit.response for exhibit in shown])[:, None]
    count = len(shown)
    subject = Candidates(
        text, np.zeros((count, 1), np.uint64), np.ones((count, 1), bool), np.zeros((count, 1), np.int16)
    )
    bits = tuple(range(len(constitution.ids)))
    principle = np.array([constitution.index(exhibit.principle) for exhibit in shown])
    violated = np.array([exhibit.violated for exhibit in shown])
    agents = resolve_agents(spec, spec.agents)
    errors = []
    for name in ladder.critics:
        view = View(Role.CRITIC, cases, constitution, subject=subject, bits=bits)
        said = Agent(name, agents[name], spec.seed).act(view)
        at = (np.arange(count), 0, principle)
        errors.append(~said["finding_present"][at] | (said["finding_flag"][at] != violated))
    families = tuple(ladder.critics.values())
    return critic_ladder(tuple(ladder.critics), np.stack(errors), families, spec.seed)
