"""The audits of a fine-tuning run's data, from its files alone."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from constitutions.constitution import load_constitution
from training.checks.hidden import hidden_states
from training.checks.keeping import judged
from training.checks.reading import read_prompts, read_set
from training.checks.spec import GateSpec
from training.checks.summary import Outside, SetAudit, audit
from training.config import AgainstSpec, TrainConfig


def audit_config(config: TrainConfig, gate: GateSpec) -> tuple[SetAudit, ...]:
    """One audit per data file, by the gate's limits. Raises InputError for files that cannot be read."""
    outside = outside_of(config.against, config.held_out)
    if gate.checks.kernel == "hidden":
        outside = replace(outside, embed=partial(hidden_states, config.model, config.train.max_length))
    audits = (audit("", name, read_set(Path(name)), gate.checks, outside) for name in config.data)
    return tuple(judged(one, gate) for one in audits)


def outside_of(against: AgainstSpec, held_out: tuple[str, ...] = ()) -> Outside:
    """What files say of a set from outside."""
    constitution = load_constitution(against.constitution) if against.constitution else None
    return Outside(
        prompts={name: read_prompts(Path(name)) for name in (*against.prompts, *held_out)},
        principles=None if constitution is None else [principle.id for principle in constitution.principles],
        reference=[answer for name in against.reference for answer in read_set(Path(name)).answers],
        reference_name=", ".join(against.reference),
    )
