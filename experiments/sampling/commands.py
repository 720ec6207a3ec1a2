"""What `oversight audit sample` and `oversight audit estimate` do."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from agents.figures import Estimate
from constitutions.errors import InputError
from constitutions.validation import validate
from constitutions.yaml_source import Document
from experiments.audit.run_queue import existing_queue
from experiments.cases import load_cases
from experiments.config import ExperimentSpec
from experiments.folder import RunFolder
from experiments.prepare import prepare_arm
from experiments.sampling.drawing import queued_as, sample_arm
from experiments.sampling.estimating import Residual, residuals
from experiments.sampling.view import residual_table, sample_table
from experiments.statistics.fallible import Gold, check_gold
from hierarchy.audit.design import DesignSpec
from hierarchy.audit.sample_store import Sample, SampleStore
from hierarchy.executor import read_back
from hierarchy.journal import Journal

_COUNTS = re.compile(r"(\d+)/(\d+)")


def sample_command(run: Path, arm: str | None, given: Mapping[str, Any], as_json: bool) -> None:
    """`oversight audit sample`: draw, or go on with, the samples of a run's arms."""
    folder = RunFolder(run)
    spec = folder.spec()
    arms = _arms(spec, arm)
    if not folder.journal.is_file():
        raise InputError(f"{run}: nothing was overseen yet; `oversight resume {run}` first")
    with Journal.open(folder.journal, create=False) as journal, existing_queue(run) as queue:
        store = SampleStore(queue.engine, queue.run)
        before = {name: store.sample(name).design for name in store.arms()}
        designs = {name: _design(spec, before.get(name), given) for name in arms}
        cases, records = load_cases(spec.dataset, spec.seed)
        found = [
            sample_arm(spec, designs[name], name, read_back(prepare_arm(spec, name), cases, journal), queue, records)
            for name in arms
        ]
    if as_json:
        for sample in found:
            print(json.dumps(_sample_row(sample)))
        return
    console = Console()
    console.print(sample_table(found))
    if any((~sample.answered_N & sample.drawn_N).any() for sample in found):
        waiting = queued_as(arms[0])
        console.print(f"answer with `oversight audit decide {run} CASE accept|reject --arm {waiting}`", soft_wrap=True)


def _sample_row(sample: Sample) -> dict[str, Any]:
    return {
        "arm": sample.arm,
        **sample.design.model_dump(exclude={"key"}),
        "released": len(sample.case_id_N),
        "drawn": int(sample.drawn_N.sum()),
        "certain": int((sample.inclusion_N >= 1).sum()),
        "on_floor": int(sample.floor_N.sum()),
        "answered": int(sample.answered_N.sum()),
        "cases": sample.case_id_N[sample.drawn_N].tolist(),
    }


def _design(spec: ExperimentSpec, before: DesignSpec | None, given: Mapping[str, Any]) -> DesignSpec:
    """The design that the options ask for, over the one drawn before, over the config's. Raises InputError."""
    known = before or spec.audit_sample
    asked = {name: value for name, value in given.items() if value is not None}
    if known is None and "budget" not in asked:
        raise InputError("--budget is needed: the config has no `audit_sample`; accepted: 1 or more cases of an arm")
    data = {**(known.model_dump() if known is not None else {}), **asked}
    places: dict[tuple[str | int, ...], str] = {(name,): f"--{name}" for name in asked}
    return validate(Document("oversight audit sample", data, places), DesignSpec)


def estimate_command(
    run: Path,
    arm: str | None,
    sensitivity: str | None,
    specificity: str | None,
    simulate: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """`oversight audit estimate`: what the answers so far say about every released case."""
    folder = RunFolder(run)
    spec = folder.spec()
    right, passed = _gold("--sensitivity", sensitivity), _gold("--specificity", specificity)
    if simulate is not None and not 1 <= simulate <= 1_000_000:
        raise InputError(f"--simulate is {simulate}; accepted: [1, 1000000]")
    _arms(spec, arm)
    found = residuals(folder, arm, right, passed, simulate, seed)
    if as_json:
        for residual in found:
            print(json.dumps(_plain(residual), allow_nan=False))
        return
    console = Console()
    for residual in found:
        console.print(residual_table(residual))


def _plain(residual: Residual) -> dict[str, Any]:
    def encode(value: Any) -> Any:
        if isinstance(value, Estimate):
            return value.model_dump()
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {key: encode(item) for key, item in value.items()} if isinstance(value, dict) else value

    plain: dict[str, Any] = encode(residual)
    return plain


def _gold(name: str, text: str | None) -> Gold | None:
    if text is None:
        return None
    counts = _COUNTS.fullmatch(text.strip())
    if counts is None:
        raise InputError(f"{name} is {text!r}; accepted: RIGHT/CASES of gold cases, such as 46/50")
    gold = Gold(int(counts[1]), int(counts[2]))
    check_gold(name, gold)
    return gold


def _arms(spec: ExperimentSpec, arm: str | None) -> list[str]:
    if arm is not None and arm not in spec.arms:
        raise InputError(f"--arm is {arm!r}; accepted: {', '.join(spec.arms)}")
    return [arm] if arm is not None else list(spec.arms)
