"""What credit is asked for: arms of a run, arms of an experiment's config, or a topology with a config's agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from constitutions.errors import InputError
from constitutions.files import read_text
from experiments.config import ExperimentSpec, load_experiment
from experiments.exhibits import asked_of, is_comparison
from experiments.folder import RunFolder
from experiments.lab.arms import DEFAULT, arms_of, named_arms
from experiments.lab.keep import Keep
from experiments.prepare import prepare_arm
from experiments.results.run import read_results
from hierarchy.arm import Arm


@dataclass(frozen=True)
class Subject:
    """An experiment, the arms of it that are meant, and the finished run or the kept comparison they are of (None: of
    neither)."""

    spec: ExperimentSpec
    arms: list[Arm]
    run: RunFolder | None = None
    kept: Keep | None = None


def subject_of(subject: str, config: Path | None, arm: str | None, overrides: Sequence[str]) -> Subject:
    """The subject named on the command line: a run's or a comparison's directory, a config, else a topology. Raises
    InputError."""
    if is_comparison(Path(subject)):
        return _of_comparison(Keep(Path(subject)), config, arm, overrides)
    if Path(subject).is_dir():
        return _of_run(RunFolder(Path(subject)), config, arm, overrides)
    if is_experiment(subject):
        spec = load_experiment(subject, overrides)
        return Subject(spec, _arms(spec, arm))
    if arm is not None:
        raise InputError(f"--arm is {arm!r}, but {subject!r} is a topology; arms are those of an experiment's config")
    spec = load_experiment(config or DEFAULT, overrides)
    return Subject(spec, named_arms(spec, [subject]))


def is_experiment(subject: str) -> bool:
    """Whether this names an experiment's config: a YAML file with `arms` (a topology's file has `steps`)."""
    path = Path(subject)
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return False
    try:
        written = yaml.safe_load(read_text(path))
    except yaml.YAMLError:
        return False  # whoever reads it as a topology says where it is wrong
    return isinstance(written, dict) and "arms" in written


def _of_run(folder: RunFolder, config: Path | None, arm: str | None, overrides: Sequence[str]) -> Subject:
    spec = folder.spec()
    if config is not None or overrides:
        raise InputError(f"{folder.path}: a run's credit is that of its own config; --config, --size and --set are not")
    read_results(folder.path)
    return Subject(spec, _arms(spec, arm), folder)


def _of_comparison(keep: Keep, config: Path | None, arm: str | None, overrides: Sequence[str]) -> Subject:
    spec, graphs = asked_of(keep)
    if config is not None or overrides:
        raise InputError(f"{keep.folder}: its credit is that of its own config; --config, --size and --set are not")
    arms = arms_of(spec, graphs)
    chosen = [one for one in arms if arm in (None, one.name)]
    if not chosen:
        raise InputError(f"--arm is {arm!r}; accepted: {', '.join(one.name for one in arms)}")
    return Subject(spec, chosen, kept=keep)


def _arms(spec: ExperimentSpec, arm: str | None) -> list[Arm]:
    if arm is not None and arm not in spec.arms:
        raise InputError(f"--arm is {arm!r}; accepted: {', '.join(spec.arms)}")
    return [prepare_arm(spec, name) for name in ([arm] if arm else spec.arms)]
