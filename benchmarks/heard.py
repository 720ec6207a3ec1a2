"""What a judge of the microworld makes of what it hears: right verdicts alone, after a critic, and after a debate.

`python -m benchmarks.heard [--judge M] [--speaker M] [--debaters M M] [--size N] [--seed S]`; a model is `world:NAME`
or a folder. The questions are the balanced held-out exhibits of the critic ladder, asked through the same agents, views
and prompts as any run; guessing scores one half.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents.agent import Agent
from agents.columns import Output
from agents.spec import AgentSpec, TransformersSpec
from agents.view import Candidates, Cases, View, objects
from agents.vocabulary import Role, Side
from constitutions.constitution import load_constitution
from experiments.prepare import world_path
from experiments.statistics import paired_difference, proportion
from experiments.world.ladder import Exhibit, exhibits
from experiments.world.shipped import STYLE

Bools = NDArray[np.bool_]
PRINCIPLES = ("privacy", "law", "honesty")
"""Those that exhibits are about."""


def view_of(shown: list[Exhibit]) -> View:
    """A critic's view of the exhibits."""
    n, text = len(shown), objects([one.response for one in shown])[:, None]
    subject = Candidates(text, np.zeros((n, 1), np.uint64), np.ones((n, 1), bool), np.zeros((n, 1), np.int16))
    constitution = load_constitution("microworld").subset(PRINCIPLES)
    return View(Role.CRITIC, Cases.of([one.case for one in shown]), constitution, subject=subject)


def agent(model: str, seed: int) -> Agent:
    """A critic that answers greedily."""
    spec = TransformersSpec(path=world_path(model, "model"), temperature=0, max_new_tokens=48, device="cpu")
    return Agent(model, AgentSpec(model=spec, style=str(STYLE)), seed)


def measure(judge: str, speaker: str, debaters: tuple[str, str], size: int, seed: int) -> dict[str, Bools]:
    """By what the judge hears, whether its verdict on each exhibit is right; and whether each debater's claim on the
    exhibit's principle is that of its side, [N] each."""
    shown = exhibits(size, seed)
    alone, told = view_of(shown), agent(speaker, seed)
    principle = np.array([PRINCIPLES.index(one.principle) for one in shown])
    violated = np.array([one.violated for one in shown])

    def flags(said: Output) -> Bools:
        return np.asarray(said["finding_flag"][np.arange(size), 0, principle])

    turns: dict[str, Output] = {}
    sides: dict[str, Side] = {}
    for side, model in zip(Side, debaters, strict=True):
        turns[side.value] = agent(model, seed).act(replace(alone, side=side, reads=dict(turns), sides=dict(sides)))
        sides[side.value] = side
    views = {
        "nobody": alone,
        speaker: replace(alone, reads={"speaker": told.act(alone)}),
        "a debate": replace(alone, reads=turns, sides=sides),
    }
    decides = agent(judge, seed)
    found = {f"hears {name}": flags(decides.act(view)) == violated for name, view in views.items()}
    kept = {side.value: flags(turns[side.value]) == (side is Side.PROSECUTION) for side in Side}
    return found | {f"{name} keeps to its side": here for name, here in kept.items()}


def main() -> None:
    """Print a line per row of `measure`: the share with its interval and, for a judge, the paired difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", default="world:critic_mid")
    parser.add_argument("--speaker", default="world:critic_strong")
    parser.add_argument("--debaters", nargs=2, default=("world:critic_strong", "world:critic_strong"))
    parser.add_argument("--size", type=int, default=420)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    one, other = given.debaters
    found = measure(given.judge, given.speaker, (one, other), given.size, given.seed)
    for name, right in found.items():
        share = proportion(right)
        line = f"{name:32} {share.value:.3f} ({share.low:.3f} to {share.high:.3f})"
        if name.startswith("hears") and name != "hears nobody":
            than = paired_difference(right, found["hears nobody"])
            line += f"   more than alone: {than.value:+.3f} ({than.low:+.3f} to {than.high:+.3f})"
        print(line)


if __name__ == "__main__":
    main()
