"""What an experiment studies and is asked: the constitution, the style, the context's text and the probe items."""

from __future__ import annotations

from dataclasses import dataclass

from constitutions.constitution import Constitution, load_constitution
from constitutions.errors import InputError
from experiments.prepare import world_path
from experiments.probes.cases import HeldOut, constitution_items, load_cases
from experiments.probes.items import Item
from experiments.probes.world import charter_items
from experiments.study.spec import CONTEXT, CharterSpec, StudyArm, StudySpec
from experiments.world.charter import charter, rules_of
from experiments.world.shipped import STUDY_STYLE
from training.config import TrainSpec
from training.self_study.chunks import document
from training.self_study.relations import relations_of
from training.self_study.style import StudyStyle, load_study_style


@dataclass(frozen=True, slots=True)
class Sources:
    """Resolved: a folder or hub id, the constitution and its text as the style shows it, and the items."""

    model: str
    constitution: Constitution
    style: StudyStyle
    text: str
    items: tuple[Item, ...]

    def train_spec(self, arm: StudyArm) -> TrainSpec:
        """The arm's training, with the constitution in the place that the config keeps for it."""
        if CONTEXT not in arm.train.context:
            return arm.train
        return arm.train.model_copy(update={"context": arm.train.context.replace(CONTEXT, self.text)})


def resolve(spec: StudySpec) -> Sources:
    """Read everything the experiment names. Raises InputError for what is wrong with it."""
    style = load_study_style(str(STUDY_STYLE) if spec.style == "microworld" else spec.style)
    drawn = isinstance(spec.constitution, CharterSpec)
    if isinstance(spec.constitution, CharterSpec):
        constitution = charter(spec.constitution.seed, spec.constitution.rules)
    else:
        constitution = load_constitution(spec.constitution)
    relations_of(constitution, style)
    if drawn and spec.cases:
        raise InputError("cases: is for constitutions other than charters, whose cases are drawn; expected none")
    if drawn:
        items = charter_items(rules_of(constitution), spec.seed)
    else:
        items = constitution_items(constitution, style, load_cases(spec.cases) if spec.cases else HeldOut())
    return Sources(
        world_path(spec.model, "model"), constitution, style, document(constitution, style.numbered), tuple(items)
    )
