"""Small graphs, performers written by hand and blocks of simulated cases, for the tests of the hierarchy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pytest
import yaml

from agents.columns import Output
from agents.spec import AgentSpec, SimulatedSpec
from agents.view import Cases, View
from agents.vocabulary import CaseOutcome, Role, Verdict
from constitutions.constitution import Constitution, load_constitution
from hierarchy.arm import Arm, inline
from hierarchy.block import Block
from hierarchy.compile import compile_graph
from hierarchy.graph import OversightGraph
from hierarchy.oversee import oversee
from hierarchy.plan import Plan

A, R, X, E, M = Verdict.ACCEPT, Verdict.REVISE, Verdict.REJECT, Verdict.ESCALATE, Verdict.MISSING
AGENTS = ("base", "critic", "critic_a", "critic_b", "critic_c", "critic_strong", "monitor", "matcher", "judge")
Act = Callable[[View], Output]


@cache
def constitution(name: str | None = None) -> Constitution:
    return load_constitution(name or "general")


def graph(text: str, **given: Any) -> OversightGraph:
    """A graph named `g` from YAML."""
    return OversightGraph.model_validate({"name": "g", **yaml.safe_load(text), **given})


def compiled(text: str | OversightGraph, **given: Any) -> Plan:
    declared = text if isinstance(text, OversightGraph) else graph(text, **given)
    return compile_graph(declared, {*AGENTS, "auditor"}, constitution)


def crew(**spec: Any) -> dict[str, AgentSpec]:
    """Simulated agents under every name the graphs use."""
    return {name: AgentSpec(model=SimulatedSpec(**spec)) for name in AGENTS}


def arm(plan: Plan, seed: int = 3, **spec: Any) -> Arm:
    return Arm("arm", plan, crew(**spec), seed)


def simulate(plan: Plan, n: int = 200, seed: int = 3, **spec: Any) -> Block:
    """One pass of simulated cases and agents."""
    performer = arm(plan, seed, **spec).performers()
    block = Block(Cases.numbered(n), plan)
    oversee(block, plan, {step.name: performer(step) for step in plan.steps})
    return block


@dataclass
class Told:
    """Performs every step as told, by instance name; remembers what each one saw.

    `verdicts` gives a list with a verdict per case; `acts` a function of the view. A responder writes its own instance
    name and the case; a judge chooses the option told (the last one unless told).
    """

    verdicts: Mapping[str, list[Verdict]] = field(default_factory=dict)
    chosen: Mapping[str, list[int]] = field(default_factory=dict)
    acts: Mapping[str, Act] = field(default_factory=dict)
    saw: dict[str, View] = field(default_factory=dict)

    def run(self, plan: Plan, n: int = 1, cases: Cases | None = None) -> Block:
        """A pass of `n` simulated cases, or of cases with text whose ids are their numbers."""
        block = Block(Cases.numbered(n) if cases is None else cases, plan)
        oversee(block, plan, {step.name: _Teller(self, step.name, inline(step)) for step in plan.steps})
        return block


@dataclass
class _Teller:
    told: Told
    name: str
    inline: Any

    def act(self, view: View) -> Output:
        self.told.saw[self.name] = view
        if self.name in self.told.acts:
            return self.told.acts[self.name](view)
        rows = view.cases.case_id_N.astype(int)
        says = self.told.verdicts.get(self.name)
        verdict = np.full(len(view), A, np.int8) if says is None else np.array(says, np.int8)[rows]
        if view.role in (Role.BASE, Role.REVISER):
            return self._respond(view, verdict)
        if view.role is Role.JUDGE:
            assert view.subject is not None
            last = view.subject.present_NK.shape[1] - 1
            chosen = np.array(self.told.chosen[self.name])[rows] if self.name in self.told.chosen else last
            picked = np.where(verdict == M, -1, chosen)
            return Output.of(view.role, len(view), view.width, verdict=verdict, chosen=picked, confidence=picked * 0.0)
        if view.role is Role.AUDITOR and says is not None:
            auditor = np.where(verdict == M, None, "ann")
            return Output.of(view.role, len(view), view.width, verdict=verdict, auditor=auditor)
        if self.inline is not None:
            out: Output = self.inline.act(view)
            return out
        return review(view, verdict)

    def _respond(self, view: View, verdict: Any) -> Output:
        text = np.array(
            [[f"{self.name}#{k}" for k in range(view.candidates)] for _ in range(len(view))], object
        ).reshape(len(view), view.candidates)
        before = view.subject.revision_NK[:, 0] + 1 if view.subject is not None else np.zeros(len(view))
        present = np.repeat((verdict != M)[:, None], view.candidates, axis=1)
        return Output.of(view.role, len(view), view.width, verdict=verdict, text=text, present=present, revision=before)


def review(view: View, verdict: Any, severity: float = 1.0, confidence: float = 0.9, principle: int = 0) -> Output:
    """A review whose findings fit its verdicts: the one principle flagged where the verdict is revise."""
    shape = (len(view), view.width.candidates, view.width.principles)
    verdict = np.asarray(verdict)
    asked = np.ones(shape, bool)
    present = np.broadcast_to(((verdict == A) | (verdict == R))[:, None, None], shape)
    flag = np.zeros(shape, bool)
    flag[:, :, principle] = (verdict == R)[:, None]
    return Output.of(
        view.role,
        len(view),
        view.width,
        verdict=verdict,
        flagged=flag.any(axis=(1, 2)),
        severity=severity * flag.any(axis=(1, 2)),
        confidence=np.full(len(view), confidence),
        finding_asked=asked,
        finding_present=present,
        finding_flag=flag,
        finding_severity=severity * flag,
        finding_confidence=np.full(shape, confidence),
    )


def without_syncing(patch: pytest.MonkeyPatch) -> None:
    """Spare the disk where a test is not about surviving a power cut."""
    patch.setattr("hierarchy.database.pragmas", lambda version: ("synchronous=OFF", "foreign_keys=ON"))


def ran(block: Block, case: int = 0) -> list[str]:
    """Step instances that spoke on a case, in plan order."""
    return [step.name for step in block.plan.steps if block.ran[step.index, case]]


def outcome(block: Block) -> list[str]:
    return [CaseOutcome(int(code)).name.lower() for code in block.outcomes()]
