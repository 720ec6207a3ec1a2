"""The rounds of one arm: their run directories, the configs of their runs, and who plays in them.

FOLDER/ARM/base-00 is the evaluation of the first base; FOLDER/ARM/round-01 is a run directory like any other, whose
tuned base is evaluated in FOLDER/ARM/base-01, and so on. Whatever the recursion knows is in these folders.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agents.rng import key
from agents.spec import AgentSpec, TransformersSpec
from constitutions.errors import InputError
from experiments.config import ExperimentSpec, StageSpec, WorldData
from experiments.prepare import world_path
from experiments.recurse.spec import RecurseSpec
from experiments.stages.trained import newest as newest_training


@dataclass(frozen=True)
class Crew:
    """Whose weights are the newest: the base's checkpoint, and those of the overseers that learn, by agent.

    `prefix` begins the base's answers.
    """

    base: Path
    overseers: dict[str, Path]
    prefix: str = ""


@dataclass(frozen=True)
class Rounds:
    """The rounds of one arm of a recursion."""

    spec: RecurseSpec
    arm: str
    folder: Path

    def run_folder(self, number: int) -> Path:
        """The run directory of a round, from 1 on."""
        return self.folder / self.arm / f"round-{number:02d}"

    def base_folder(self, number: int) -> Path:
        """Where the base that came out of a round is evaluated; 0 is the first base."""
        return self.folder / self.arm / f"base-{number:02d}"

    def overseer_folder(self, number: int, agent: str) -> Path:
        """The checkpoint of an overseer that learnt from a round."""
        return self.run_folder(number) / "overseers" / agent

    def first(self) -> Crew:
        """Everybody as the config has them. Raises InputError for a base that has no weights here."""
        base = self._path(self.spec.learner)
        if not base.is_dir():
            raise InputError(f"run.agents.{self.spec.learner}.model.path: {base} is no folder; expected a checkpoint")
        return Crew(base, {name: self._path(name) for name in self.spec.of(self.arm).learn})

    def learnt(self, number: int, crew: Crew) -> Crew:
        """Whom a finished round leaves to the next; an overseer that learnt nothing from it is as it was in `crew`."""
        last = self.spec.training(self.arm)[-1]
        base = newest_training(self.run_folder(number) / "checkpoints", self.arm, last.name)
        folders = {name: self.overseer_folder(number, name) for name in crew.overseers}
        newest = {name: path.resolve() for name, path in folders.items() if path.is_dir()}
        return Crew(base.resolve(), crew.overseers | newest, last.prefix)

    def _path(self, name: str) -> Path:
        model = {**self.spec.run.agents, **self.spec.run.arms[self.arm].agents}[name].model
        if not isinstance(model, TransformersSpec):
            raise InputError(f"agents.{name}: {model.kind} models have no weights; expected kind: transformers")
        return Path(world_path(model.path, f"run.agents.{name}.model.path")).resolve()

    def seed(self, *what: int | str) -> int:
        """A seed derived from the recursion's. Arms share it, so that they have the same prompts in every round."""
        return int(key(self.spec.seed, "recurse", *what)[0] >> 33)

    def run(self, number: int, crew: Crew) -> ExperimentSpec:
        """The experiment of a round: new prompts, the crew as it is, the learner trained on what its arm settles."""
        stages = tuple(self._seeded(stage, number) for stage in self.spec.training(self.arm))
        changed = self._experiment(f"round-{number:02d}", self.seed("round", number), crew, self.spec.renewed(self.arm))
        learner = self._agents(crew, (self.spec.learner,))[self.spec.learner]
        return changed.model_copy(
            update={
                "training": stages,
                "datasets": self.spec.of(self.arm).datasets or self.spec.run.datasets,
                "agents": {**self.spec.run.agents, self.spec.learner: learner},
            }
        )

    def evaluation(self, number: int, crew: Crew) -> ExperimentSpec:
        """The experiment that a base is evaluated by: the same held-out prompts and random numbers in every round."""
        renewed = dict.fromkeys((self.spec.learner, *self.spec.renewed(self.arm)))
        changed = self._experiment(f"base-{number:02d}", self.seed("evaluation"), crew, renewed)
        measure = self.spec.measure
        return changed.model_copy(
            update={
                "dataset": WorldData(split=measure.split, size=measure.prompts),
                "training": (),
                "evaluation": None,
                "audit_sample": None,
            }
        )

    def _experiment(self, part: str, seed: int, crew: Crew, renewed: Iterable[str]) -> ExperimentSpec:
        arm = self.spec.run.arms[self.arm]
        return self.spec.run.model_copy(
            update={
                "name": f"{self.spec.name}-{self.arm}-{part}",
                "seed": seed,
                "arms": {self.arm: arm.model_copy(update={"agents": self._agents(crew, renewed)})},
                "compare": (),
                "gaps": (),
                "ladder": None,
            }
        )

    def _agents(self, crew: Crew, renewed: Iterable[str]) -> dict[str, AgentSpec]:
        """The arm's own agents, with the newest weights where they have any."""
        agents = {**self.spec.run.agents, **self.spec.run.arms[self.arm].agents}
        bases = {name: _with_weights(agents[name], crew.base, crew.prefix) for name in renewed}
        return agents | bases | {name: _with_weights(agents[name], path) for name, path in crew.overseers.items()}

    def _seeded(self, stage: StageSpec, number: int) -> StageSpec:
        train = stage.train.model_copy(update={"seed": self.seed("train", number, stage.name, stage.train.seed)})
        return stage.model_copy(update={"train": train})


def _with_weights(agent: AgentSpec, path: Path, prefix: str = "") -> AgentSpec:
    # The stream stays the agent's own: rounds differ in weights, not in random numbers.
    return agent.model_copy(update={"model": agent.model.model_copy(update={"path": str(path), "prefix": prefix})})
