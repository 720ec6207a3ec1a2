"""The evaluation of a base: held-out prompts through its arm's hierarchy, and answers drawn from the base alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from agents.records import Case
from agents.spec import TransformersSpec
from constitutions.constitution import load_constitution
from experiments.audit.run_queue import run_queue
from experiments.cases import load_cases
from experiments.config import ExperimentSpec
from experiments.folder import open_folder
from experiments.prepare import prepare_arm
from experiments.recurse import kl
from experiments.recurse.columns import Column, Measures, read_measures, write_measures
from experiments.recurse.measures import block_columns
from experiments.recurse.rounds import Crew, Rounds
from experiments.stages.overseeing import Overseer, executor_for
from experiments.terminal.progress import Progress
from hierarchy.block import Block
from hierarchy.journal import Journal
from training.sampling import Drawn, Sampler, load_sampler

KEPT = "measures.parquet"


def evaluate_base(rounds: Rounds, number: int, crew: Crew, first: Measures | None, console: Console) -> Measures:
    """What the crew's base does on the held-out prompts. Done once: what was measured is kept in the base's folder.

    `first` is what was measured of the first base, which KL is taken to; None where this is it.
    """
    spec = rounds.evaluation(number, crew)
    folder = open_folder(rounds.base_folder(number), spec)
    kept = folder.path / KEPT
    if kept.is_file():
        return read_measures(kept)
    cases, records = load_cases(spec.dataset, spec.seed)
    arm = prepare_arm(spec, rounds.arm)
    with (
        Journal.open(folder.journal) as journal,
        run_queue(folder, spec) as queue,
        executor_for(spec.execution) as executor,
    ):
        overseer = Overseer(spec, folder, journal, queue, executor, Progress(console))
        block = overseer.oversee(arm, cases, records, f"{rounds.arm}: evaluate base {number}")
    measures = _measured(rounds, spec, crew, block, records, first)
    write_measures(measures, kept)
    return measures


def _measured(
    rounds: Rounds, spec: ExperimentSpec, crew: Crew, block: Block, records: Sequence[Case], first: Measures | None
) -> Measures:
    wanted = rounds.spec.measure
    policy = _sampler(spec, rounds, crew.base)
    drawn = policy.draw(records[: wanted.drawn], wanted.samples, rounds.seed("drawn"))
    columns = block_columns(block, records, load_constitution(spec.constitution), wanted.blind)
    measures = Measures(columns, tuple(tuple(some) for some in drawn))
    reference = policy if first is None else _sampler(spec, rounds, rounds.first().base)
    distances = _distances(policy, reference, measures, first or measures)
    kls = {name: _by_prompt(values, measures.drawn, len(records)) for name, values in distances.items()}
    return Measures({**columns, **kls}, measures.drawn)


def _sampler(spec: ExperimentSpec, rounds: Rounds, checkpoint: Path) -> Sampler:
    model = spec.agents[rounds.spec.learner].model
    assert isinstance(model, TransformersSpec)
    return load_sampler(checkpoint, model.batch_size, model.max_new_tokens, rounds.spec.measure.temperature)


def _distances(policy: Sampler, reference: Sampler, here: Measures, first: Measures) -> Mapping[str, kl.Floats]:
    """KL to the first base by answer: on the policy's own answers, and exactly along the first base's."""
    models, heat = (policy.model, reference.model), policy.temperature
    k1, k3 = kl.on_policy(*models, here.answers, heat)
    return {"kl_k1": k1, "kl_k3": k3, "kl_exact": kl.exact(*models, first.answers, heat)}


def _by_prompt(values: kl.Floats, drawn: Sequence[Sequence[Drawn]], prompts: int) -> Column:
    """The mean over each prompt's answers; prompts without answers do not count."""
    mean = np.zeros(prompts)
    mean[: len(drawn)] = values.reshape(len(drawn), -1).mean(axis=1)
    return Column.of(mean, np.arange(prompts) < len(drawn))
