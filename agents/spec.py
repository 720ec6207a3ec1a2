"""What people write about an agent: which model plays it, and how it is asked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from agents.simulated.spec import SimulatedSpec
from constitutions.strict import Strict


class Spec(Strict):
    """Base of everything people write about agents, graphs, training and experiments (see `Strict`).

    A field whose YAML key is a Python keyword can be given by its Python name as well.
    """

    model_config = ConfigDict(populate_by_name=True)


class ScriptedSpec(Spec):
    """Fixed functions, named `module:function`.

    `generate` takes (messages, seed) and returns text or None; `score` takes (messages, labels) and returns one
    number per label, or None where the verdict cannot be read.
    """

    kind: Literal["scripted"] = "scripted"
    generate: str | None = None
    score: str | None = None


class RecordedSpec(Spec):
    """Outputs somebody logged: a CSV or JSONL file with a row per case.

    `id` is the column that holds the case id, `text` the column with responses, `label` the column with verdicts.
    A label outside the step's vocabulary, or an absent row, is missing.
    """

    kind: Literal["recorded"] = "recorded"
    path: str
    id: str = "id"
    text: str | None = None
    label: str | None = None
    labels: dict[str, str] = Field(default_factory=dict, description="rename the file's labels to the graph's")


class TransformersSpec(Spec):
    """Any Hugging Face causal language model, by local path, hub id, or `world:NAME` for a shipped checkpoint.

    Every call on CPU has a fixed shape (`batch_size` rows, a length bucket computed from the row alone, padding rows,
    float32), so that a row's result does not depend on its neighbours.
    `prefix` begins every answer and revision that the model writes and is no part of it: the empty tags of a model that
    learnt from rationales (`training.datasets.rationales`).
    """

    kind: Literal["transformers"] = "transformers"
    path: str
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: int = Field(32, ge=1)
    max_new_tokens: int = Field(256, ge=1)
    temperature: float = Field(1.0, ge=0)
    prefix: str = ""
    threads: int = Field(1, ge=1)
    trust_remote_code: bool = False


WordSpec = ScriptedSpec | RecordedSpec | TransformersSpec
"""Models that read and write words."""
ModelSpec = Annotated[SimulatedSpec | ScriptedSpec | RecordedSpec | TransformersSpec, Field(discriminator="kind")]


class AgentSpec(Spec):
    """An agent: a model, the random stream it draws from (its name unless said) and how it is asked.

    `style` names a prompt style: `plain` (English instructions for general chat models), or a YAML file.
    `critique: false` skips the written critique and asks for verdicts at once (a cheap monitor).
    `threshold`: a principle counts as violated at this probability or above.
    `cpus`/`gpus`: what the Ray actor of this agent reserves.
    """

    model: ModelSpec
    stream: str | None = None
    style: str = "plain"
    critique: bool = True
    threshold: float = Field(0.5, gt=0, lt=1)
    cpus: float = Field(0.01, ge=0)
    gpus: float = Field(0.0, ge=0)
