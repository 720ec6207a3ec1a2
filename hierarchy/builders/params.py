"""What every builder of a topology is made of: checked parameters in, an ordinary `OversightGraph` out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from agents.spec import Spec
from constitutions.strict import EXPECTED, Identifier
from hierarchy.builders.sketch import Sketch
from hierarchy.graph import OversightGraph

Names = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=64)]
"""Agents for a builder's seats, in order."""


@dataclass(frozen=True, slots=True)
class Between:
    """The range of a number, both ends allowed, unless `open_` takes them out."""

    low: float
    high: float
    open_: bool = False

    def __str__(self) -> str:
        """`1 to 8`; `between 0.5 and 1, both excluded` where the ends are not allowed."""
        low, high = f"{self.low:.15g}", f"{self.high:.15g}"
        return f"between {low} and {high}, both excluded" if self.open_ else f"{low} to {high}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Pydantic's schema of the number, and the range after it."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, value: float) -> float:
        inside = self.low < value < self.high if self.open_ else self.low <= value <= self.high
        if not (math.isfinite(value) and inside):
            noun = "a number" if self.open_ else "a number from"
            raise PydanticCustomError(EXPECTED, "{expected}", {"expected": f"{noun} {self}"})
        return value


class Builder(Spec, ABC):
    """A family of topologies. Its fields are the parameters; `graph()` is the topology.

    `title` and `about` become the graph's title and description, word for word.
    """

    title: ClassVar[str]
    about: ClassVar[str]

    builder: str
    base: Identifier = Field("base", description="writes the answers")

    def graph(self) -> OversightGraph:
        """The declared graph: steps, edges, and words about it."""
        sketch = Sketch(None)
        self.draw(sketch)
        return sketch.graph(self.builder, self.title, self.about)

    @abstractmethod
    def draw(self, sketch: Sketch) -> None:
        """Put the family's steps and edges on the sketch."""


class Audited(Builder):
    """A family in which hard cases may go to a person."""

    auditor: Identifier | None = Field("auditor", description="decides hard cases; null: they are refused")

    def graph(self) -> OversightGraph:
        """The declared graph: steps, edges, and words about it."""
        sketch = Sketch(self.auditor)
        self.draw(sketch)
        return sketch.graph(self.builder, self.title, self.about)


class Overseen(Audited):
    """A family whose reviewers end in one verdict, and what is done with a flagged answer."""

    on_flag: Literal["revise", "refuse", "human"] = Field(
        "revise", description="revise and let a judge compare before with after; refuse; or ask the auditor"
    )
    compares: Identifier = Field("judge", description="judge of the answer before and after a revision")

    def settle(self, sketch: Sketch, sources: list[str], reads: list[str]) -> None:
        """Ways on from the last reviewers: accepted answers are released, flagged ones go the way of `on_flag`."""
        match self.on_flag:
            case "revise":
                sketch.revise_and_compare(sources, reads, self.base, self.compares)
            case "refuse":
                sketch.release_or(sources, "refuse")
            case "human":
                sketch.release_or(sources, sketch.human)


def seats(agents: tuple[str, ...], count: int) -> list[tuple[str, int]]:
    """(agent, sample) of `count` seats: the agents in turn, each round of them with a sample of its own."""
    return [(agents[i % len(agents)], i // len(agents)) for i in range(count)]


def rising(agents: tuple[str, ...], count: int) -> list[tuple[str, int]]:
    """(agent, sample) of `count` levels: the agents in order; beyond the last it is asked again, anew each time."""
    last = len(agents) - 1
    return [(agents[min(i, last)], max(0, i - last)) for i in range(count)]
