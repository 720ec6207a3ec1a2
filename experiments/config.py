"""What people write about an experiment: data, constitution, agents, arms, audit, training, evaluation, comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from agents import rng
from agents.spec import AgentSpec, Spec
from agents.vocabulary import Role
from constitutions.strict import Identifier, problem
from constitutions.validation import load_model
from experiments.metrics.cost import PriceTable
from hierarchy.audit.auditors import AuditorSpec, HumanSpec, RecordedAuditorSpec
from hierarchy.audit.design import DesignSpec
from hierarchy.builders import AnyBuilder, Builder
from hierarchy.graph import OversightGraph
from training.checks.spec import GateSpec
from training.config import TrainSpec
from training.datasets.spec import DatasetSpec


class WorldData(Spec):
    """Prompts drawn from the microworld; the oracle knows them."""

    kind: Literal["world"] = "world"
    split: Literal["supervision", "validation", "test"] = "supervision"
    size: int = Field(300, ge=1)


class FileData(Spec):
    """Prompts from a CSV or JSONL file, a row per case.

    `path` is the file, or a folder that holds `file` (recorded agents may then name their files `dataset:NAME`).
    `id` and `prompt` are columns; the case id is `id_prefix` + id. `tags` are columns whose values become tags.
    """

    kind: Literal["file"] = "file"
    path: str
    file: str | None = None
    id: str = "id"
    id_prefix: str = ""
    prompt: str = "prompt"
    tags: tuple[str, ...] = ()
    region: str | None = None
    limit: int | None = Field(None, ge=1)


class SimulatedData(Spec):
    """Numbered cases without text, for simulated agents. A share `override` of them tries to override the rules."""

    kind: Literal["simulated"] = "simulated"
    size: int = Field(10_000, ge=1)
    override: Annotated[float, Field(ge=0, le=1)] = 0.0


Data = Annotated[WorldData | FileData | SimulatedData, Field(discriminator="kind")]


def _way_of_naming(graph: Any) -> str:
    """How a graph is given; the words differ from the keys of a graph, which errors rely on."""
    if isinstance(graph, Builder) or (isinstance(graph, Mapping) and "builder" in graph):
        return "by builder"
    return "written out" if isinstance(graph, Mapping | OversightGraph) else "by name"


GraphSpec = Annotated[
    Annotated[str, Tag("by name")]
    | Annotated[AnyBuilder, Tag("by builder")]
    | Annotated[OversightGraph, Tag("written out")],
    Discriminator(_way_of_naming),
]
"""A topology: a name or file, `{builder: tree, branching: 3, depth: 2}`, or a graph written out."""


class ArmSpec(Spec):
    """One condition: a topology (see `GraphSpec`), with agents replaced where it says so."""

    graph: GraphSpec
    title: str = ""
    agents: dict[str, AgentSpec] = Field(default_factory=dict)
    auditor: AuditorSpec | None = None


class ExecutionSpec(Spec):
    """How a run is carried out; it never changes what the records say.

    `block` is the rows of a shard's block; `batch` the rows of a role's batch. `workers` are shard workers on Ray.
    `address: local` starts a Ray of its own; anything else joins that cluster. `database` is where the human-audit
    queue lives: a URL such as `postgresql+psycopg://HOST/NAME`; None: a SQLite file in the run directory.
    """

    executor: Literal["local", "ray"] = "local"
    schedule: Literal["shards", "roles"] = "shards"
    block: int = Field(16_384, ge=1)
    batch: int = Field(128, ge=1)
    workers: int = Field(2, ge=1)
    address: str = "local"
    cpus: int = Field(2, ge=1)
    database: str | None = None

    @field_validator("database")
    @classmethod
    def _names_no_secret(cls, value: str | None) -> str | None:
        if value is None:
            return value
        if not value.startswith("postgresql+psycopg://"):
            raise problem(f"{value!r}; expected postgresql+psycopg://[USER@]HOST[:PORT]/NAME, or nothing for SQLite")
        if ":" in value.removeprefix("postgresql+psycopg://").partition("@")[0] and "@" in value:
            raise problem("holds a password, which the run would keep; give it in PGPASSWORD or a password file")
        return value


class StageSpec(Spec):
    """One stage of fine-tuning: what it learns from, and how. Stages follow one another on the same weights.

    `preferences` are mixed with the supervised rows where the method takes those (dpo, ipo).

    Attributes:
        share: of the cases whose rows are learnt, drawn by a hash of their ids: a smaller share is part of a larger.
        prefix: begins every answer of the model that comes out, and is no part of it: the empty tags of one that learnt
            from `rationales`.
    """

    name: Identifier
    data: Literal["sft", "preferences", "unpaired", "rationales"]
    train: TrainSpec
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    prefix: str = ""

    def learns(self, case_id: str) -> bool:
        """Whether the case is among the share that is learnt."""
        return float(rng.uniform(rng.key("share", case_id))[0]) < self.share


class EvaluationSpec(Spec):
    """The base before and after, on held-out prompts, scored by the oracle. The arm is chosen on `validation`."""

    agent: str = "base"
    validation: int = Field(300, ge=1)
    test: int = Field(600, ge=1)


class LabelSpec(Spec):
    """For label graphs: the groups of prompts whose rates are told apart."""

    groups: dict[str, str] = Field(description="name of a group of prompts -> the tag its cases carry")


class LadderSpec(Spec):
    """Critics to measure alone on the microworld's balanced held-out set: agent name -> name of its family."""

    critics: dict[str, str] = Field(min_length=2)
    size: int = Field(600, ge=10)


MarkedMetric = Literal["missed_violations", "missed_norms", "missed_truth", "needless_refusals", "correct"]
"""What the oracle says of each case of an arm."""


class ContrastSpec(Spec):
    """A comparison named in advance: arm `a` minus arm `b` on the same cases.

    All comparisons of an experiment are one family: their p values are also given after Holm's correction over it.
    """

    a: str
    b: str
    metric: MarkedMetric = "missed_violations"


class GapSpec(Spec):
    """A performance gap between three arms: how far `supervised` comes from `weak` to `ceiling`.

    The metric counts what is right: where the config's metric counts harm, its complement is taken.
    """

    weak: str
    supervised: str
    ceiling: str
    metric: MarkedMetric = "missed_violations"


class ExperimentSpec(Spec):
    """A question, and everything needed to answer it again.

    Attributes:
        compare: comparisons named in advance; gaps: performance gaps recovered, between three arms.
        datasets: how training data is made of what the arms settled, by the stages of `training` and on request.
        audit_sample: a sample of each arm's released cases that is audited, to estimate how many violate.
        gate: limits on every set that something is trained on, checked before training; null: nothing is checked.
        prices: what agents and auditors cost; without it no cost is told.
        latency: seconds a step of each role takes; without it no latency is told. Roles that are not named take none.
    """

    name: Identifier
    question: str = ""
    seed: int = Field(0, ge=0)
    dataset: Data
    constitution: str
    agents: dict[str, AgentSpec]
    arms: dict[Identifier, ArmSpec] = Field(min_length=1)
    execution: ExecutionSpec = ExecutionSpec()
    auditor: AuditorSpec = HumanSpec()
    audit_sample: DesignSpec | None = None
    datasets: DatasetSpec = DatasetSpec()
    training: tuple[StageSpec, ...] = ()
    gate: GateSpec | None = GateSpec()
    evaluation: EvaluationSpec | None = None
    labels: LabelSpec | None = None
    ladder: LadderSpec | None = None
    compare: tuple[ContrastSpec, ...] = ()
    gaps: tuple[GapSpec, ...] = ()
    prices: PriceTable | None = None
    latency: dict[Role, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    transcripts: int = Field(6, ge=0)

    @model_validator(mode="after")
    def _names_exist(self) -> ExperimentSpec:
        named = [("compare", i, side, getattr(c, side)) for i, c in enumerate(self.compare) for side in ("a", "b")]
        sides = ("weak", "supervised", "ceiling")
        named += [("gaps", i, side, getattr(gap, side)) for i, gap in enumerate(self.gaps) for side in sides]
        for key, i, side, arm in named:
            if arm not in self.arms:
                raise problem(f"{arm!r} is no arm; accepted: {', '.join(self.arms)}", key, i, side)
        for i, contrast in enumerate(self.compare):
            if contrast.a == contrast.b:
                raise problem(f"{contrast.b!r} is compared with itself; expected another arm", "compare", i, "b")
        if (self.training or self.evaluation) and not isinstance(self.dataset, WorldData):
            raise problem("needs `dataset.kind: world`, whose oracle can score held-out prompts", "evaluation")
        auditors = [self.auditor, *(arm.auditor for arm in self.arms.values())]
        if self.audit_sample and any(isinstance(auditor, RecordedAuditorSpec) for auditor in auditors):
            raise problem("needs auditors that say whether a case violates; recorded ones give labels", "audit_sample")
        if self.training and self.evaluation is None:
            raise problem("training needs `evaluation`, which says whether it helped", "training")
        return self


def load_experiment(path: str | Path, overrides: Sequence[str] = ()) -> ExperimentSpec:
    """Read an experiment's YAML file, with `key.sub=value` overrides. Raises InputError."""
    return load_model(path, ExperimentSpec, overrides)
