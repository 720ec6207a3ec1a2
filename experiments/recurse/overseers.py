"""Overseers that learn too: critics, safety models and judges, from the judgements of a round.

They learn what `training.datasets.overseers` makes of the run: each question as it was put to them, with the label of
the last word on the same response, of a consensus, a stronger critic or an auditor, and only those critiques that it
bore out. Nobody looks at the oracle here. Where nobody speaks after an overseer it learns its own word: what all of
them overlook, they learn to overlook.
"""

from __future__ import annotations

from itertools import chain

from experiments.datasets.source import run_sources
from experiments.folder import RunFolder
from experiments.prepare import prepare_arm
from experiments.recurse.rounds import Crew, Rounds
from training.datasets import Row, Source
from training.datasets.overseers import critiques, judgements, safety
from training.datasets.spec import DatasetSpec
from training.files import write_jsonl
from training.train import train


def train_overseers(rounds: Rounds, number: int, crew: Crew) -> dict[str, int]:
    """Train every overseer that learns on its judgements of a round; gives the rows each learnt from.

    One that has none stays as it is. May be repeated: what is trained is not trained again.
    """
    if not crew.overseers:
        return {}
    spec = rounds.run(number, crew)
    folder = RunFolder(rounds.run_folder(number))
    ((_, source),) = run_sources(folder, spec, [rounds.arm])
    plan = prepare_arm(spec, rounds.arm).plan
    learnt = {}
    for agent, checkpoint in crew.overseers.items():
        rows = judged_by(source, {step.name for step in plan.steps if step.step.agent == agent}, spec.datasets)
        learnt[agent] = len(rows)
        if rows:
            write_jsonl(rows, folder.datasets / rounds.arm / f"overseer-{agent}.jsonl")
            how = rounds.spec.overseers
            how = how.model_copy(update={"seed": rounds.seed("train", number, agent, how.seed)})
            train(how, rows, checkpoint, rounds.overseer_folder(number, agent))
    return learnt


def judged_by(source: Source, steps: set[str], spec: DatasetSpec) -> list[Row]:
    """What the agent of these steps was asked and should have answered. Hidden layer."""
    built = (build(source, spec).rows for build in (critiques, judgements, safety))
    return [row for row in chain.from_iterable(built) if row.lineage.step in steps]
