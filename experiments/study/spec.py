"""What people write about a self-study experiment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, model_validator

from agents.spec import Spec
from constitutions.strict import Identifier, problem
from constitutions.validation import load_model
from training.config import TrainSpec
from training.self_study.synthesis import SynthesisSpec
from training.self_study.views import Order

CONTEXT = "{constitution}"
BASELINES = ("before", "in_context")


class CharterSpec(Spec):
    """A charter of the microworld: `rules` rules drawn from `seed`."""

    rules: int = Field(24, ge=2)
    seed: int = Field(0, ge=0)


class StudyArm(Spec):
    """What is learnt from and how: the self-study rows (`study`), the views of these orders, and a training.

    `train.context: "{constitution}"` stands for the constitution as the style shows it. `learns: false`: a cartridge
    is asked as it begins, which tells what training adds.
    """

    study: bool = True
    views: tuple[Order, ...] = ()
    learns: bool = True
    train: TrainSpec

    @model_validator(mode="after")
    def _learns_something(self) -> StudyArm:
        if not self.learns and (self.train.cartridge is None or not self.train.context):
            raise problem(
                "is false; expected true, or a train.cartridge of a train.context to ask as it begins", "learns"
            )
        if self.learns and not self.study and not self.views:
            raise problem("is empty and study is false; expected rows to learn from", "views")
        return self


class StudySpec(Spec):
    """A model studies a constitution and is probed without it, before and after, and with it in context.

    Attributes:
        model: a checkpoint, `world:NAME` or a folder or hub id.
        constitution: a shipped constitution, a YAML file, or a charter of the microworld.
        style: how it studies: `plain`, `microworld` or a YAML file of `training.self_study.StudyStyle`.
        synthesis: how much it writes.
        arms: what learns; `contrasts` are pairs of arms that are compared on the same items.
        cases: a YAML file of held-out cases for constitutions other than charters (`experiments.probes.cases`).
        threads: torch threads.
    """

    name: Identifier
    question: str = ""
    seed: int = Field(0, ge=0)
    model: str = "world:reader"
    constitution: str | CharterSpec = CharterSpec()
    style: str = "microworld"
    synthesis: SynthesisSpec = SynthesisSpec()
    arms: dict[Identifier, StudyArm] = Field(min_length=1)
    contrasts: tuple[tuple[str, str], ...] = ()
    cases: str | None = None
    threads: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _names_are_arms(self) -> StudySpec:
        for name in self.arms:
            if name in BASELINES:
                raise problem(f"{name!r} is what every experiment measures; expected another name", "arms", name)
        for index, pair in enumerate(self.contrasts):
            for name in pair:
                if name not in self.arms:
                    raise problem(f"{name!r} is no arm; accepted: {', '.join(self.arms)}", "contrasts", index)
        return self


def load_study(path: str | Path, overrides: Sequence[str] = ()) -> StudySpec:
    """Read the experiment's YAML file, with `key.sub=value` overrides. Raises InputError."""
    return load_model(path, StudySpec, overrides)
