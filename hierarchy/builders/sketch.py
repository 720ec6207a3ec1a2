"""A sheet to draw a topology on: steps with names of their own, edges, and the endings that families share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from agents.vocabulary import Role
from constitutions.predicate import AnyOf, Comparison, Predicate
from hierarchy.graph import RESPONSE, Edge, OversightGraph, Read, Sink, Step

JUDGE_IS_SURE = 0.6
"""A judge less sure than this of its choice leaves it to the auditor."""

ACCEPTED = Comparison(field="verdict", op="eq", value="accept")
FLAGGED = Comparison(field="verdict", op="eq", value="revise")
ESCALATED = Comparison(field="verdict", op="eq", value="escalate")
WHATEVER = Comparison(field="verdict", op="in", value=("accept", "revise", "missing"))
"""A reviewer spoke, readable or not: who hears it next can tell the difference."""
PASSED = Comparison(field="verdict", op="in", value=("accept", "revise"))
REJECTED = Comparison(field="verdict", op="eq", value="reject")
CHANGED = Comparison(field="chosen", op="eq", value=1)
KEPT_OR_UNSURE = AnyOf(
    any=(Comparison(field="chosen", op="eq", value=0), Comparison(field="confidence", op="lt", value=JUDGE_IS_SURE))
)


@lru_cache(maxsize=16_384)
def _edge(source: str, target: str, when: Predicate | None) -> Edge:
    """An edge without conditions but `when`: the same from one graph to the next, and checked once."""
    return Edge(source=source, to=target, when=when)


@lru_cache(maxsize=4_096)
def _read(step: str) -> Read:
    return Read(step=step)


class Sketch:
    """Collects steps and edges. Without an auditor, what would go to a person is refused."""

    def __init__(self, auditor: str | None) -> None:
        self.auditor = auditor
        self.human = "human" if auditor is not None else Sink.REFUSE.value
        self.fallback = self.human
        self.priority = "uncertainty"
        self._taken = {*(sink.value for sink in Sink), RESPONSE, "human"}
        self._steps: list[Step] = []
        self._edges: list[Edge] = []

    def step(self, name: str, role: Role, agent: str | None = None, reads: Sequence[str] = (), **fields: Any) -> str:
        """Add a step; the id is `name`, or `name_2`, `name_3` ... where it is taken. Returns the id."""
        step_id, count = name, 1
        while step_id in self._taken:
            count += 1
            step_id = f"{name}_{count}"
        self._taken.add(step_id)
        seen = tuple([_read(read) for read in reads])
        self._steps.append(Step(id=step_id, role=role, agent=agent, reads=seen, **fields))
        return step_id

    def edge(self, source: str, target: str, when: Predicate | None = None, **fields: Any) -> None:
        """Add an edge."""
        self._edges.append(
            Edge(source=source, to=target, when=when, **fields) if fields else _edge(source, target, when)
        )

    def draft(self, agent: str, fan_out: bool = False) -> str:
        """The base's first answer."""
        return self.step("draft", Role.BASE, agent, route="fan_out" if fan_out else "exclusive")

    def critics(self, seats: Sequence[tuple[str, int]], draft: str) -> list[str]:
        """Critics of the draft, side by side, each named after its agent."""
        ids = [self.step(agent, Role.CRITIC, agent, sample=sample) for agent, sample in seats]
        for critic in ids:
            self.edge(draft, critic)
        return ids

    def vote(self, name: str, members: Sequence[str], rule: Any) -> str:
        """A consensus over members, which all lead into it."""
        vote = self.step(name, Role.CONSENSUS, members=tuple(members), rule=rule)
        for member in members:
            self.edge(member, vote)
        return vote

    def release_or(self, sources: Sequence[str], target: str) -> None:
        """Accepted answers are released, flagged ones go to the target."""
        for source in sources:
            self.edge(source, "release", ACCEPTED)
            self.edge(source, target, FLAGGED)

    def revise_and_compare(self, sources: Sequence[str], reads: Sequence[str], base: str, judge: str) -> None:
        """Flagged answers are revised with the critiques in view; a judge compares before and after.

        Where it prefers the answer before, or is unsure, the case is the auditor's.
        """
        draft = self._steps[0].id
        revise = self.step("revise", Role.REVISER, base, reads=reads)
        compare = self.step("judge", Role.JUDGE, judge, options=(draft, revise))
        self.release_or(sources, revise)
        self.edge(revise, compare)
        self.edge(compare, self.human, KEPT_OR_UNSURE)
        self.edge(compare, "release", CHANGED)

    def graph(self, name: str, title: str, description: str) -> OversightGraph:
        """What was drawn, with the auditor's step and its ways on at the end."""
        steps, edges = list(self._steps), list(self._edges)
        if self.auditor is not None:
            human: dict[str, Any] = {"id": "human", "role": Role.AUDITOR, "agent": self.auditor}
            steps.append(Step(**human, priority=self.priority))
            edges += [_edge("human", "release", PASSED), _edge("human", "refuse", REJECTED)]
        return OversightGraph(
            name=name,
            title=title,
            description=description,
            steps=tuple(steps),
            edges=tuple(edges),
            fallback=self.fallback,
        )
