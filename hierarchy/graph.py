"""The oversight graph as people write it: steps, edges, and where a case may end."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, field_validator, model_validator

from agents.spec import Spec
from agents.vocabulary import CaseOutcome, Role, Side
from constitutions.predicate import Predicate
from constitutions.strict import Identifier
from hierarchy.rules import Rule


class Sink(StrEnum):
    """Where a case ends: an edge may lead to one of these in place of a step."""

    RELEASE = "release"
    REDIRECT = "redirect"
    REFUSE = "refuse"


SINK_OUTCOME = {Sink.REDIRECT: CaseOutcome.REDIRECTED, Sink.REFUSE: CaseOutcome.REFUSED}
RESPONSE = "response"


class Read(Spec):
    """What a step may see besides its subject: another step's output, of the same round or the one before."""

    step: str
    round: Literal["same", "previous"] = "same"


class Step(Spec):
    """A node of the graph.

    Attributes:
        id: unique name.
        role: what it does.
        agent: who does it (every role but consensus).
        subject: `response` (the last response on the case's own path), a responding step's id (all its candidates),
            or a reviewing step's id (that reviewer is reviewed: recursive oversight).
        reads: other steps whose output it may see.
        side: for a critic of responses: what it is assigned to argue. Its findings are claims, which no consensus
            counts; whoever reads them is told the side.
        constitution: another constitution than the run's (shipped name or path).
        principles: only these principles of it.
        candidates: how many answers a base or reviser writes.
        sample: which of its agent's independent opinions (or answers) this is. Two steps of one agent with the same
            sample draw the same random numbers, and so say the same of the same; another sample asks it anew.
        options: which responding steps a judge compares, in this order; all of the path's when empty.
        members, rule: whom a consensus step counts, and how.
        labels: ask for one of the graph's labels in place of findings.
        route: `exclusive` (the first edge whose condition holds) or `fan_out` (every one).
        join: how many in-edges must have fired: `all` that can still fire, `any`, or a number (quorum).
        priority: for an auditor: the field of the latest reviewer that orders the queue.
        reviewers: for an auditor: how many people decide a case; where they disagree an adjudicator does.
        blind: for an auditor: nobody sees another's decision or comment before all reviewers have decided.
        hide_model: for an auditor: what models found is withheld from people until the case is settled.
    """

    id: Identifier
    role: Role
    agent: str | None = None
    subject: str = RESPONSE
    reads: tuple[Read, ...] = ()
    side: Side | None = None
    constitution: str | None = None
    principles: tuple[str, ...] | None = None
    candidates: int = Field(1, ge=1, le=64)
    sample: int = Field(0, ge=0)
    options: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    rule: Rule | None = None
    labels: bool = False
    route: Literal["exclusive", "fan_out"] = "exclusive"
    join: Literal["all", "any"] | int = "all"
    priority: Literal["severity", "disagreement", "uncertainty"] = "severity"
    reviewers: int = Field(1, ge=1, le=16)
    blind: bool = True
    hide_model: bool = False

    @field_validator("reads", mode="before")
    @classmethod
    def _short_reads(cls, value: object) -> object:
        if isinstance(value, (list, tuple)):
            return [{"step": item} if isinstance(item, str) else item for item in value]
        return value

    @model_validator(mode="after")
    def _fits_role(self) -> Step:
        consensus = self.role is Role.CONSENSUS
        if consensus and (self.rule is None or not self.members):
            raise ValueError(f"consensus step {self.id!r} needs `members` and a `rule`")
        if not consensus and self.agent is None:
            raise ValueError(f"step {self.id!r} needs an `agent`")
        if not consensus and (self.members or self.rule):
            raise ValueError(f"step {self.id!r}: only consensus steps have `members` and a `rule`")
        if self.role is not Role.AUDITOR and (self.reviewers > 1 or not self.blind or self.hide_model):
            raise ValueError(f"step {self.id!r}: only auditors have `reviewers`, `blind` and `hide_model`")
        if self.side is not None and (self.role is not Role.CRITIC or self.labels):
            raise ValueError(f"step {self.id!r}: only critics that look for violations have a `side`")
        if isinstance(self.join, int) and self.join < 1:
            raise ValueError(f"step {self.id!r}: a quorum is at least 1")
        return self


class Edge(Spec):
    """A way from one step to a step or a sink, taken when `when` holds on the source's output (always, if absent).

    Verdicts that are missing or escalate pass only an edge whose condition names `verdict` or `missing`, or into a
    consensus step; whatever finds no edge goes to the graph's `fallback`. `max_rounds` marks a back edge: how often it
    may be taken. `exhausted` marks the edge that is taken in place of a loop that is used up.
    """

    source: str = Field(alias="from")
    to: str
    when: Predicate | None = None
    max_rounds: int | None = Field(None, ge=1, le=32)
    exhausted: bool = False


class Unreviewed(Spec):
    """What happens to a parked case that nobody reviews: the sink it goes to, and after how long (seconds)."""

    outcome: Literal["refuse", "redirect"] = "refuse"
    due_seconds: float = Field(7 * 24 * 3600.0, gt=0)


class OversightGraph(Spec):
    """A declared arrangement of overseers. See `hierarchy.compile` for what is checked.

    Attributes:
        fallback: where a case goes that no edge carries (missing or unforeseen verdicts): a step or `refuse`.
        labels: the label vocabulary, for graphs whose reviewers label instead of finding violations.
        refusal, redirection: the texts a user gets for these outcomes.
    """

    name: str
    title: str = ""
    description: str = ""
    steps: tuple[Step, ...] = Field(min_length=1)
    edges: tuple[Edge, ...]
    fallback: str = Sink.REFUSE.value
    labels: tuple[str, ...] = ()
    unreviewed: Unreviewed = Unreviewed()
    refusal: str = "I can't help with that."
    redirection: str = "I can't help with that, but I can point you to someone who can."

    @field_validator("edges", mode="before")
    @classmethod
    def _several_targets(cls, value: object) -> object:
        """`to: [a, b]` is short for one edge to each."""
        if not isinstance(value, (list, tuple)):
            return value
        edges: list[object] = []
        for edge in value:
            if isinstance(edge, dict) and isinstance(edge.get("to"), list):
                edges.extend({**edge, "to": target} for target in edge["to"])
            else:
                edges.append(edge)
        return edges

    def step(self, step_id: str) -> Step:
        """The step with this id."""
        return next(step for step in self.steps if step.id == step_id)
