"""Debate and consultancy: a judge that hears others before it decides."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agents.vocabulary import Role, Side
from constitutions.strict import Identifier
from hierarchy.builders.params import Between, Overseen
from hierarchy.builders.sketch import WHATEVER, Sketch

Taken = tuple[str, str, Side | None, int]
"""A turn: the step's name, its agent, its side, and which of the agent's opinions it is."""


def take_turns(sketch: Sketch, turns: list[Taken], base: str) -> list[str]:
    """Draft, then one reviewer after another, each reading every turn before its own. Returns the ids."""
    before = sketch.draft(base)
    ids: list[str] = []
    for name, agent, side, sample in turns:
        turn = sketch.step(name, Role.CRITIC, agent, tuple(ids), side=side, sample=sample)
        sketch.edge(before, turn, WHATEVER if ids else None)
        ids.append(turn)
        before = turn
    return ids


class Debate(Overseen):
    """Debate before a judge (Irving et al. 2018, arXiv:1805.00899; rounds as in Khan et al. 2024, arXiv:2402.06782)."""

    title: ClassVar[str] = "Debate"
    about: ClassVar[str] = (
        "Two debaters argue in turn, each reading every turn before its own: the first is assigned the prosecution, "
        "that the answer violates the constitution, the second the defence, that it does not. Then a judge, who knows "
        "the sides, reads the answer and the whole debate and decides. A judge weaker than the debaters can be right "
        "where the truth is easier to argue for, and is misled where the better debater has the wrong side."
    )
    builder: Literal["debate"] = "debate"
    rounds: Annotated[int, Between(1, 8)] = Field(2, description="turns of each debater")
    debaters: tuple[Identifier, Identifier] = Field(
        ("critic_a", "critic_b"), description="the prosecution and the defence; they argue in this order"
    )
    judge: Identifier = Field("judge", description="reads the debate and decides")

    def draw(self, sketch: Sketch) -> None:
        """Draft, the turns, the judge, and what follows from its verdict."""
        sides = list(zip(Side, self.debaters, strict=True))
        turns = [(f"{side.value}_{i + 1}", agent, side, i) for i in range(self.rounds) for side, agent in sides]
        ids = take_turns(sketch, [*turns, ("judge", self.judge, None, 0)], self.base)
        self.settle(sketch, ids[-1:], ids[-1:])


class Consultancy(Overseen):
    """Consultancy, debate's usual baseline (Michael et al. 2023, arXiv:2311.08702; Kenton et al. 2024)."""

    title: ClassVar[str] = "Consultancy"
    about: ClassVar[str] = (
        "One consultant is assigned a side and argues it before a judge; between its pieces of advice the judge asks, "
        "having read all so far, and at the end decides. It is debate's baseline: the judge hears one expert and "
        "nobody who contradicts it, so where the side is wrong it is only as safe as the judge is stubborn."
    )
    builder: Literal["consultancy"] = "consultancy"
    rounds: Annotated[int, Between(1, 8)] = Field(2, description="pieces of advice")
    consultant: Identifier = Field("critic_strong", description="advises")
    side: Side = Field(Side.DEFENCE, description="what the consultant argues")
    judge: Identifier = Field("judge", description="asks, reads the advice and decides")

    def draw(self, sketch: Sketch) -> None:
        """Draft, advice and questions in turn, the judge, and what follows from its verdict."""
        turns: list[Taken] = [("advice_1", self.consultant, self.side, 0)]
        for i in range(1, self.rounds):
            turns.append((f"question_{i}", self.judge, None, 0))
            turns.append((f"advice_{i + 1}", self.consultant, self.side, i))
        ids = take_turns(sketch, [*turns, ("judge", self.judge, None, 0)], self.base)
        self.settle(sketch, ids[-1:], ids[-1:])
