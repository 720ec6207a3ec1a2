"""Building datasets of a run: everything is made before anything is written, and nothing is overwritten unasked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from constitutions.errors import InputError
from constitutions.strict import suggestion
from constitutions.validation import load_model
from experiments.config import ExperimentSpec
from experiments.datasets.source import run_sources
from experiments.folder import RunFolder
from training.datasets import DatasetSpec, Row, Source
from training.datasets.kinds import KINDS, Kind
from training.files import FORMATS, data_hash, read_rows


@dataclass(frozen=True)
class Asked:
    """What `oversight dataset build` was asked for. `arm` None: every arm; `out` None: the run's `datasets` folder."""

    kinds: tuple[str, ...]
    form: str = "jsonl"
    out: Path | None = None
    arm: str | None = None
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A dataset of one arm: its file and rows, or no rows and why; what was left out for which reason."""

    arm: str
    kind: Kind
    path: Path
    rows: Sequence[Row]
    left_out: Counter[str]
    why: str = ""


def build_run(run: Path, asked: Asked, overrides: Sequence[str] = ()) -> list[Made]:
    """Build datasets of a run and write them as ARM/KIND.FORMAT. `overrides` are keys of the block `datasets`.

    Raises InputError for a kind that is empty in every arm, and for a file that holds other rows: nothing is written.
    """
    folder = RunFolder(run)
    folder.spec()
    spec = load_model(folder.config, ExperimentSpec, [f"datasets.{line}" for line in overrides])
    _check(run, spec, asked)
    arms = list(spec.arms) if asked.arm is None else [asked.arm]
    made = [
        _made(arm, KINDS[name], source, spec.datasets, (asked.out or folder.datasets) / arm / f"{name}.{asked.form}")
        for arm, source in run_sources(folder, spec, arms)
        for name in dict.fromkeys(asked.kinds)
    ]
    _require(made, asked)
    for each in made:
        if each.rows:
            FORMATS[asked.form](each.rows, each.path)
    return made


def _check(run: Path, spec: ExperimentSpec, asked: Asked) -> None:
    for name in asked.kinds:
        if name not in KINDS:
            raise InputError(f"dataset kind {name!r}; accepted: {', '.join(KINDS)}{suggestion(name, list(KINDS))}")
    if asked.arm is not None and asked.arm not in spec.arms:
        raise InputError(f"{run}: no arm {asked.arm!r}; accepted: {', '.join(spec.arms)}")


def _made(arm: str, kind: Kind, source: Source, spec: DatasetSpec, path: Path) -> Made:
    built = kind.build(source, spec)
    why = "" if built.rows else built.empty(kind.name, len(source.settlements))
    return Made(arm, kind, path, built.rows, built.left_out, why)


def _require(made: Sequence[Made], asked: Asked) -> None:
    for name in asked.kinds:
        of_kind = [each for each in made if each.kind.name == name]
        if not any(each.rows for each in of_kind):
            raise InputError("; ".join(f"{each.arm}: {each.why}" for each in of_kind))
    for each in made:
        if each.rows and each.path.exists() and not asked.replace and not _holds(each):
            raise InputError(f"{each.path}: holds other rows; expected another --out, or --replace")


def _holds(made: Made) -> bool:
    return data_hash(read_rows(made.path)) == data_hash(made.rows)
