"""The hierarchy's verdict as a reward: an answer that is released as it stands is worth 1, any other 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from agents.columns import Output
from agents.records import Case
from agents.view import Cases, View, objects
from agents.vocabulary import CaseOutcome, Role, Verdict
from constitutions.errors import InputError
from hierarchy.arm import Arm
from hierarchy.block import Block
from hierarchy.oversee import Performer, oversee
from hierarchy.records import missing
from training.sampling import Floats

BLOCK = 2048


class _Answers:
    """Plays the base: says what it was given, whatever the case."""

    def __init__(self, answers: Sequence[str]) -> None:
        self.answers = answers

    def act(self, view: View) -> Output:
        """The given answer of each row; an empty one is absent."""
        said = [self.answers[int(name.rpartition("#")[2])] for name in view.cases.case_id_N]
        present = np.array([[bool(text.strip())] for text in said])
        return Output.of(
            Role.BASE,
            len(view),
            view.width,
            verdict=np.where(present[:, 0], Verdict.ACCEPT, Verdict.MISSING),
            text=objects([text if text.strip() else None for text in said])[:, None],
            present=present,
        )


class HierarchyReward:
    """Asks an arm's reviewers about answers that something else wrote; a `training.sampling.Reward`.

    The arm's one base step says the given answers. 1: released as it stands; 0: revised, redirected, refused, waiting
    for a person, or empty; NaN: a verdict on it could not be read. Raises InputError for an arm whose base writes
    several answers.
    """

    def __init__(self, arm: Arm) -> None:
        first = [step for step in arm.plan.steps if step.role is Role.BASE]
        if len(first) != 1 or first[0].step.candidates != 1:
            raise InputError(f"arm {arm.name!r}: as a reward it needs one base step with one answer")
        self.arm, self._first = arm, first[0].name
        performer = arm.performers()
        self._crew: dict[str, Performer] = {step.name: performer(step) for step in arm.plan.steps}

    def __call__(self, cases: Sequence[Case], answers: Sequence[str]) -> Floats:
        """One number per answer, [n]."""
        # The reviewers' random numbers are keyed by case: each answer is a case of its own.
        named = [replace(case, case_id=f"{case.case_id}#{i}") for i, case in enumerate(cases)]
        parts = [self._rated(named[i : i + BLOCK], answers) for i in range(0, len(named), BLOCK)]
        return np.concatenate(parts)

    def _rated(self, cases: Sequence[Case], answers: Sequence[str]) -> Floats:
        block = Block(Cases.of(cases), self.arm.plan)
        crew = {**self._crew, self._first: _Answers(answers)}
        oversee(block, self.arm.plan, crew)
        reward = (block.outcomes() == CaseOutcome.RELEASED).astype(float)
        empty = np.array([not answers[int(case.case_id.rpartition("#")[2])].strip() for case in cases])
        return np.where(missing(block) & ~empty, np.nan, np.where(empty, 0.0, reward))
