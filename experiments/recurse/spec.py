"""What people write about a recursion: the run of every round, what is measured after each, and when to stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, model_validator

from agents.spec import Spec, TransformersSpec
from constitutions.strict import Identifier, problem
from constitutions.validation import load_model
from experiments.config import ExperimentSpec, StageSpec, WorldData
from experiments.recurse.metrics import METRICS
from hierarchy.audit.auditors import SimulatedAuditorSpec
from training.config import TrainSpec
from training.datasets import DatasetSpec


class MeasureSpec(Spec):
    """What every base is measured on: the same held-out prompts and the same random numbers in every round.

    Attributes:
        split: the held-out split; prompts: how many prompts of it pass through the arm's hierarchy.
        drawn, samples, temperature: `samples` answers are drawn to each of the first `drawn` of them for KL and
            diversity, from the base itself at this temperature.
        budget: tokens that distinct-n is counted over.
        blind: also tell violations that critics with this shared knowledge cannot see from those that they can.
    """

    split: Literal["validation", "test"] = "test"
    prompts: int = Field(300, ge=2)
    drawn: int = Field(120, ge=2)
    samples: int = Field(2, ge=1)
    temperature: float = Field(1.0, gt=0)
    budget: int = Field(600, ge=2)
    blind: Literal["relatives", "stranger"] | None = None


class Wire(Spec):
    """A tripwire: the recursion of an arm stops after the round in which `metric` `fell` or `rose` by so much.

    Attributes:
        relative: `fell` and `rose` are shares of the earlier value, not in the metric's unit.
        against: the round it is compared with, on the same prompts: the first (round 0) or the one before.
        rule: `interval`: the change is as large as declared and its 95 % interval excludes no change; `point`: the
            change alone decides.
    """

    metric: str
    fell: float | None = Field(None, ge=0)
    rose: float | None = Field(None, ge=0)
    relative: bool = False
    against: Literal["first", "previous"] = "first"
    rule: Literal["interval", "point"] = "interval"

    @model_validator(mode="after")
    def _says_one_thing(self) -> Wire:
        if self.metric not in METRICS:
            raise problem(f"{self.metric!r} is no metric; accepted: {', '.join(METRICS)}", "metric")
        if (self.fell is None) == (self.rose is None):
            raise problem("says both or neither of `fell` and `rose`; expected one", "fell")
        return self


class Contrast(Spec):
    """A comparison named in advance: arm `a` minus arm `b`, round by round, on the same held-out prompts."""

    a: str
    b: str
    metric: str

    @model_validator(mode="after")
    def _metric_exists(self) -> Contrast:
        if self.metric not in METRICS:
            raise problem(f"{self.metric!r} is no metric; accepted: {', '.join(METRICS)}", "metric")
        return self


class ArmRounds(Spec):
    """How the rounds of one arm go.

    Attributes:
        renew: agents of the hierarchy that the newest base plays (on-policy); any other keeps its first model. None:
            the learner alone. Off-policy, nobody: the first base goes on writing what the newest learns from.
        learn: overseers that learn too, from the round's judgements (see `experiments.recurse.overseers`).
        training, datasets: in place of the run's.
    """

    renew: tuple[str, ...] | None = None
    learn: tuple[str, ...] = ()
    training: tuple[StageSpec, ...] | None = None
    datasets: DatasetSpec | None = None


class RecurseSpec(Spec):
    """A recursion: every arm of `run` goes through `rounds` rounds of its own, on the same prompts.

    Attributes:
        seed: the recursion's; seeds: in place of it, several: the recursion is carried out once for each, with its own
            prompts and trainings, and told of all of them together.
        run: the experiment of a round; its seed is derived per round, so that every round has new prompts.
        arms: how rounds go, for arms that differ from the default.
        overseers: how overseers that learn are trained.
    """

    name: Identifier
    question: str = ""
    seed: int = Field(0, ge=0)
    seeds: tuple[NonNegativeInt, ...] = ()
    rounds: int = Field(5, ge=1, le=99)
    run: ExperimentSpec
    arms: dict[Identifier, ArmRounds] = Field(default_factory=dict)
    measure: MeasureSpec = MeasureSpec()
    overseers: TrainSpec = TrainSpec(max_steps=30, learning_rate=1e-4, save_steps=None)
    tripwires: tuple[Wire, ...] = ()
    compare: tuple[Contrast, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _run_has_the_name(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("run"), Mapping) and "name" in data:
            return {**data, "run": {"name": data["name"], **data["run"]}}
        return data

    @model_validator(mode="after")
    def _can_go_round(self) -> RecurseSpec:
        run = self.run
        if not isinstance(run.dataset, WorldData):
            raise problem("expected `kind: world`, whose oracle can score every base", "run", "dataset")
        if run.evaluation is None or not all(self.training(arm) for arm in run.arms):
            raise problem("a round needs `training` and `evaluation`", "run", "training")
        for arm, auditor in {arm: spec.auditor or run.auditor for arm, spec in run.arms.items()}.items():
            if not isinstance(auditor, SimulatedAuditorSpec):
                raise problem(f"arm {arm!r} would wait for a person; expected `kind: simulated`", "run", "auditor")
        if self.seeds and self.seed:
            raise problem(f"and seed {self.seed} are both given; expected one of them", "seeds")
        if len(set(self.seeds)) < len(self.seeds):
            raise problem(f"{list(self.seeds)} has one twice; expected different ones", "seeds")
        self._names_exist()
        return self

    def _names_exist(self) -> None:
        for key, name in [
            *(("arms", arm) for arm in self.arms),
            *(("compare", s) for c in self.compare for s in (c.a, c.b)),
        ]:
            if name not in self.run.arms:
                raise problem(f"{name!r} is no arm; accepted: {', '.join(self.run.arms)}", key)
        for arm, rounds in self.arms.items():
            agents = {**self.run.agents, **self.run.arms[arm].agents}
            for key in ("renew", "learn"):
                for name in getattr(rounds, key) or ():
                    if name not in agents or not isinstance(agents[name].model, TransformersSpec):
                        raise problem(f"{name!r} is no agent with weights", "arms", arm, key)
        if self.learner not in self.run.agents:
            raise problem(f"{self.learner!r} is no agent", "run", "evaluation", "agent")

    @property
    def learner(self) -> str:
        """The agent that learns, round after round."""
        assert self.run.evaluation is not None
        return self.run.evaluation.agent

    def replicates(self) -> tuple[RecurseSpec, ...]:
        """The recursion under each of its seeds."""
        return tuple(self.model_copy(update={"seed": seed, "seeds": ()}) for seed in self.seeds)

    def of(self, arm: str) -> ArmRounds:
        """How the rounds of an arm go."""
        return self.arms.get(arm, ArmRounds())

    def renewed(self, arm: str) -> tuple[str, ...]:
        """Agents of the arm's hierarchy that the newest base plays."""
        found = self.of(arm).renew
        return (self.learner,) if found is None else found

    def training(self, arm: str) -> tuple[StageSpec, ...]:
        """The stages that an arm's base is trained by."""
        found = self.of(arm).training
        return self.run.training if found is None else found


def load_recurse(path: str | Path, overrides: Sequence[str] = ()) -> RecurseSpec:
    """Read a recursion's YAML file, with `key.sub=value` overrides. Raises InputError."""
    return load_model(path, RecurseSpec, overrides)
