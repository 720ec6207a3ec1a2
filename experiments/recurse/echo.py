"""What an overseer was asked, word for word: its step is acted again by a model that listens in place of answering."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from agents.agent import Agent
from agents.asking import Asker
from agents.model import Generated, Prompt, Query, Scored
from agents.roles.judge import compare
from agents.roles.review import criticise, screen
from agents.style import load_style
from agents.vocabulary import Role
from hierarchy.arm import Arm
from hierarchy.block import Block
from hierarchy.plan import PlannedStep


@dataclass(frozen=True)
class Asked:
    """One question: the case's row in the block, the principle's bit (None where none was asked about), the prompt,
    and the text that was written in answer (None where a label was asked for)."""

    case: int
    principle: int | None
    prompt: Prompt
    text: str | None = None


@dataclass
class Echo:
    """A model that keeps every question, writes what was written before, and finds every label as likely."""

    rows: dict[str, int]
    texts: dict[str, str | None]
    asked: list[Asked] = field(default_factory=list)

    def generate(self, query: Query) -> Generated:
        """What was written when the step first ran."""
        said = np.array([self.texts.get(case) for case in query.case_id_N], object)
        for case, prompt in zip(query.case_id_N, query.prompts(), strict=True):
            self.asked.append(Asked(self.rows[case], None, prompt, self.texts.get(case)))
        none = np.zeros(len(query), np.int32)
        return Generated(said, said != np.array(None, object), none, none)

    def score(self, query: Query, labels: tuple[str, ...]) -> Scored:
        """Every label alike."""
        bits = query.principle_N.tolist()
        for case, bit, prompt in zip(query.case_id_N, bits, query.prompts(), strict=True):
            self.asked.append(Asked(self.rows[case], None if bit < 0 else bit, prompt))
        alike = np.full((len(query), len(labels)), 1 / len(labels))
        return Scored(alike, np.zeros(len(query), np.int32))


def asked_of(arm: Arm, block: Block, step: PlannedStep) -> list[Asked]:
    """Every question that a reviewing or judging step put to its model, in the order they were put."""
    name = str(step.step.agent)
    rows = np.flatnonzero(block.ran[step.index])
    view, said, cases = block.view(step, rows), block.said(step.index), block.cases.case_id_N
    written = said["critique"] if "critique" in said.columns else np.full(len(block), None, object)
    echo = Echo({cases[n]: int(n) for n in rows}, {cases[n]: written[n] for n in rows})
    spec = arm.agents[name]
    asker = Asker(echo, load_style(spec.style), Agent(name, spec, arm.seed).stream, spec.threshold)
    match step.role:
        case Role.CRITIC:
            criticise(asker, view, spec.critique)
        case Role.SAFETY:
            screen(asker, view)
        case Role.JUDGE:
            compare(asker, view)
        case _:
            raise ValueError(f"step {step.name!r} is a {step.role}: it judges nothing")
    return echo.asked
