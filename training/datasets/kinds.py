"""The kinds of datasets: what each is, in which layer, and who builds it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from agents.uncollected import uncollected
from training.datasets.overseers import critiques, judgements, safety
from training.datasets.preferences import preferences
from training.datasets.rationales import rationales
from training.datasets.rows import Row
from training.datasets.source import Built, Conversation, Source
from training.datasets.spec import DatasetSpec
from training.datasets.supervised import helpful, supervised
from training.datasets.uncertainty import uncertainty
from training.datasets.unpaired import unpaired
from training.lineage import HIDDEN, VISIBLE

SUPERVISED, PAIRS, LABELLED = "prompt, completion", "prompt, chosen, rejected", "prompt, completion, label"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of dataset. One of the hidden layer is written only when it is asked for by name, and never exported."""

    name: str
    layer: str
    columns: str
    what: str
    builder: Callable[[Source, DatasetSpec], Built]
    added: Callable[[int, DatasetSpec, Collection[Conversation]], Sequence[Row]] = lambda rows, spec, gold: ()

    @uncollected()
    def part(self, source: Source, spec: DatasetSpec) -> Built:
        """What some cases of an arm give. Raises InputError for what the spec or the arm lacks."""
        return self.builder(source, spec)

    def rest(self, rows: int, source: Source, spec: DatasetSpec) -> Sequence[Row]:
        """What is added to the rows of all cases: helpful data, in proportion."""
        return self.added(rows, spec, source.gold)

    def build(self, source: Source, spec: DatasetSpec) -> Built:
        """The dataset from one arm. Raises InputError likewise."""
        built = self.part(source, spec)
        return Built([*built.rows, *self.rest(len(built.rows), source, spec)], built.left_out)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("sft", VISIBLE, SUPERVISED, "what users got, or every revision that led to it", supervised, helpful),
        Kind("preferences", VISIBLE, PAIRS, "the settled answer over the one before, with a soft label", preferences),
        Kind("unpaired", VISIBLE, LABELLED, "answers that passed and answers that were turned down", unpaired),
        Kind("rationales", HIDDEN, SUPERVISED, "every answer plain, and after the reason for it", rationales),
        Kind("critiques", HIDDEN, SUPERVISED, "critics' critiques and verdicts that were borne out", critiques),
        Kind("judgements", HIDDEN, SUPERVISED, "judges' comparisons, in both orders", judgements),
        Kind("safety", HIDDEN, SUPERVISED, "safety models' verdicts and override checks", safety),
        Kind("uncertainty", HIDDEN, SUPERVISED, "how sure reviewers were of a response", uncertainty),
    )
}
