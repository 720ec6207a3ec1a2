"""An ordinary graph and the pass of any run, with performers that draw from what a file or a formula says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import rng
from agents.simulated.lanes import Words, word_type
from agents.vocabulary import Role
from constitutions.constitution import Constitution
from hierarchy.audit.auditors import SimulatedAuditorSpec
from hierarchy.compile import compile_graph
from hierarchy.graph import OversightGraph
from hierarchy.latent.auditor import Auditor
from hierarchy.latent.block import LatentBlock
from hierarchy.latent.cases import LatentCases
from hierarchy.latent.players import LatentConsensus
from hierarchy.latent.review import Review, Scale
from hierarchy.latent.said import Response, Said
from hierarchy.latent.view import LatentView
from hierarchy.oversee import Plays, oversee
from hierarchy.plan import Plan

BLOCK = 32_768
PERSON = SimulatedAuditorSpec(budget=2**62, sensitivity=1.0, specificity=1.0, revises=False)
"""An auditor who never errs, and rejects what violates."""
FLAGGED = {"field": "verdict", "op": "eq", "value": "revise"}
PASSED = {"field": "verdict", "op": "eq", "value": "accept"}
REJECTED = {"field": "verdict", "op": "eq", "value": "reject"}
Player = Plays[LatentView, Said]


def uniform(view: LatentView, *name: int | str) -> NDArray[np.float64]:
    """A uniform per row, by the case's key and a name, [n]."""
    return rng.uniform(rng.fold(view.seen.key_n, rng.key(*name)))


@dataclass(frozen=True)
class Writes:
    """A base or reviser whose answers are the words that a function of the view gives, [n]."""

    words: Callable[[LatentView], NDArray[Any]]

    def act(self, view: LatentView) -> Response:
        """An answer per row."""
        word = self.words(view).astype(word_type(view.block.plan.places))
        return Response(word, 0 if view.step.role is Role.BASE else view.subject[1] + 1)


@dataclass(frozen=True)
class Flags:
    """A reviewer whose flags are the words that a function of the view and of the answers gives, [n]."""

    words: Callable[[LatentView, Words], NDArray[Any]]

    def act(self, view: LatentView) -> Review:
        """Flags per row; everything could be read."""
        places = view.block.plan.places
        flag = self.words(view, view.subject[0]).astype(word_type(places))
        certain = np.ones((len(view), places), np.float32)
        return Review(flag, None, view.step.mask, Scale.of(view.block.plan), lambda: certain)


def plan_of(steps: Sequence[Mapping[str, Any]], edges: Sequence[Mapping[str, Any]], principles: int = 1) -> Plan:
    """A compiled graph under a constitution of principles p0, p1, ..."""
    agents = [_with_agent(step) for step in steps]
    graph = OversightGraph.model_validate({"name": "law", "steps": agents, "edges": edges})
    return compile_graph(graph, {str(step["id"]) for step in steps} | {"auditor"}, lambda name: _principles(principles))


def _with_agent(step: Mapping[str, Any]) -> dict[str, Any]:
    match step["role"]:
        case "consensus":
            return dict(step)
        case "auditor":
            return {**step, "agent": "auditor"}
    return {**step, "agent": step["id"]}


def _principles(count: int) -> Constitution:
    asked = {"critique_requests": ["Is it kept?"], "revision_requests": ["Keep it."]}
    rules = [{"id": f"p{i}", "statement": f"Principle {i}.", **asked} for i in range(count)]
    return Constitution.model_validate({"name": "law", "version": "1", "principles": rules})


def play(
    plan: Plan, crew: Mapping[str, Player], cases: int, seed: int, first: int = 0, block: int = BLOCK
) -> Iterator[LatentBlock]:
    """Pass cases from number `first` on, block by block. `crew` says who plays the steps, by id; auditors never err."""
    person, consensus = Auditor(plan.places, seed, PERSON), LatentConsensus(Scale.of(plan))
    others: dict[Role, Player] = {Role.AUDITOR: person, Role.CONSENSUS: consensus}
    players = {step.name: crew.get(step.step.id) or others[step.role] for step in plan.steps}
    for at in range(first, first + cases, block):
        passed = LatentBlock(LatentCases.numbered(at, min(block, first + cases - at)), plan)
        oversee(passed, plan, players)
        yield passed
