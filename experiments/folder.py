"""The run directory: where everything a run keeps lies, and whether it is of this config."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from constitutions.errors import InputError
from constitutions.files import read_text, write_atomically
from constitutions.validation import load_model
from experiments.config import ExperimentSpec


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run's files. Anything in the directory can be explained from the directory alone."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved config."""
        return self.path / "config.yaml"

    @property
    def journal(self) -> Path:
        """Every step's output: the truth that records are projected from."""
        return self.path / "journal.sqlite"

    @property
    def audit(self) -> Path:
        """The human-audit queue."""
        return self.path / "audit.sqlite"

    @property
    def audit_run(self) -> Path:
        """The name of this run in an audit database that other runs share."""
        return self.path / "audit_run"

    @property
    def audit_heads(self) -> Path:
        """Ends of the audit trail, a JSON line each, written after every command that may have added to it."""
        return self.path / "audit_heads.jsonl"

    @property
    def records(self) -> Path:
        """Parquet: `visible.parquet`, `hidden.parquet`, `cases.parquet`."""
        return self.path / "records"

    @property
    def datasets(self) -> Path:
        """Training data per arm."""
        return self.path / "datasets"

    @property
    def checkpoints(self) -> Path:
        """Tuned models per arm and stage."""
        return self.path / "checkpoints"

    @property
    def credit(self) -> Path:
        """A folder with the journal of the coalitions that `oversight credit` asked."""
        return self.path / "credit"

    @property
    def report(self) -> Path:
        """The report a browser opens."""
        return self.path / "report.html"

    @property
    def log(self) -> Path:
        """What ran where: roles, actors, processes, stages. No case text."""
        return self.path / "run.log"

    def spec(self) -> ExperimentSpec:
        """The config of the run. Raises InputError where this is no run directory."""
        if not self.config.is_file():
            raise InputError(f"{self.path}: no config.yaml here; give the directory of a run")
        try:
            return load_model(self.config, ExperimentSpec)
        except InputError:
            match kept_in(self.path):
                case "recursion":
                    one = min(self.path.glob("**/round-*"), default=self.path / "ARM" / "round-01")
                    raise InputError(f"{self.path}: holds a recursion; its rounds are runs, such as {one}") from None
                case "study":
                    raise InputError(f"{self.path}: holds a self-study and no run") from None
            raise

    def note(self, line: str) -> None:
        """Append a line to the run's log."""
        with self.log.open("a", encoding="utf-8") as handle:
            handle.write(line + "\n")


def kept_in(path: Path) -> Literal["recursion", "study"] | None:
    """What other than a run, a comparison or a sweep a folder keeps, by the keys of its config."""
    config = path / "config.yaml"
    try:
        found = yaml.safe_load(read_text(config)) if config.is_file() else None
    except yaml.YAMLError:
        found = None
    keys = set(found) if isinstance(found, dict) else set()
    if {"run", "rounds"} <= keys:
        return "recursion"
    return "study" if {"synthesis", "contrasts"} <= keys else None


def config_text(spec: ExperimentSpec) -> str:
    """The resolved config as YAML: every default written out, so that a later version runs the same."""
    return yaml.safe_dump(spec.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True)


def open_folder(path: Path, spec: ExperimentSpec) -> RunFolder:
    """The run directory, made where it does not exist. Raises InputError when it belongs to another config.

    Another gate is no other config: limits may be changed, and the run goes on with those given last.
    """
    folder = RunFolder(path)
    if folder.config.is_file():
        kept = folder.spec()
        if kept.model_copy(update={"gate": spec.gate}) != spec:
            raise InputError(f"{path}: this directory holds a run of another config; give another --out, or remove it")
        if kept != spec:
            write_atomically(folder.config, config_text(spec))
        return folder
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: exists and is no run directory; give an --out that does not exist")
    path.mkdir(parents=True, exist_ok=True)
    write_atomically(folder.config, config_text(spec))
    return folder


def next_folder(name: str, parent: Path) -> Path:
    """`runs/NAME-001`, or the next number that is free."""
    taken = {entry.name for entry in parent.iterdir()} if parent.is_dir() else set()
    number = 1
    while f"{name}-{number:03d}" in taken:
        number += 1
    return parent / f"{name}-{number:03d}"
