"""Building datasets of a run, part by part: all are made before one is in its place, none is overwritten unasked."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from constitutions.errors import InputError
from constitutions.strict import suggestion
from constitutions.validation import load_model
from experiments.config import ExperimentSpec
from experiments.datasets.source import run_parts
from experiments.folder import RunFolder
from training.datasets import Built, DatasetSpec, Row, Source
from training.datasets.kinds import KINDS, Kind
from training.datasets.lines import lines
from training.files import data_hash, iter_rows
from training.growing import GROWING, Growing
from training.whole import whole


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
    """A dataset of one arm: its file, how many rows it has and their `data_hash`, or no rows and why; what was left out
    for which reason.
    """

    arm: str
    kind: Kind
    path: Path
    rows: int
    data_hash: str
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
    arms, out = list(spec.arms) if asked.arm is None else [asked.arm], asked.out or folder.datasets
    kinds = [KINDS[name] for name in dict.fromkeys(asked.kinds)]
    # Every file is whole, or left as it was, when the stack is closed.
    with ExitStack() as files:
        sets = {arm: [_Set(arm, kind, out / arm, asked.form, files) for kind in kinds] for arm in arms}
        last: dict[str, Source] = {}
        for arm, source in run_parts(folder, spec, arms):
            last[arm] = source
            for each in sets[arm]:
                each.take(source, spec.datasets)
        made = [each.made(last[arm], spec.datasets) for arm in arms for each in sets[arm]]
        _require(made, asked)
    return made


class _Set:
    """A dataset on its way: its file grows beside its place, part by part."""

    def __init__(self, arm: str, kind: Kind, out: Path, form: str, files: ExitStack) -> None:
        self._arm, self._kind, self._path, self._files = arm, kind, out / f"{kind.name}.{form}", files
        self._rows = self._cases = 0
        self._left_out, self._digest = Counter[str](), hashlib.sha256()
        self._file: Growing | None = None

    def take(self, source: Source, spec: DatasetSpec) -> None:
        """Add what some cases give."""
        built = self._kind.part(source, spec)
        self._cases += len(source.settlements)
        self._left_out += built.left_out
        self._add(built.rows)

    def made(self, last: Source, spec: DatasetSpec) -> Made:
        """The dataset, with what is added at the end. Call once."""
        self._add(self._kind.rest(self._rows, last, spec))
        why = "" if self._rows else Built([], self._left_out).empty(self._kind.name, self._cases)
        return Made(self._arm, self._kind, self._path, self._rows, self._digest.hexdigest(), self._left_out, why)

    def _add(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        if self._file is None:
            temporary = self._files.enter_context(whole(self._path))
            self._file = self._files.enter_context(closing(GROWING[self._path.suffix.removeprefix(".")](temporary)))
        self._file.add(rows)
        self._rows += len(rows)
        for some in lines(rows):
            self._digest.update(some)


def _check(run: Path, spec: ExperimentSpec, asked: Asked) -> None:
    for name in asked.kinds:
        if name not in KINDS:
            raise InputError(f"dataset kind {name!r}; accepted: {', '.join(KINDS)}{suggestion(name, list(KINDS))}")
    if asked.arm is not None and asked.arm not in spec.arms:
        raise InputError(f"{run}: no arm {asked.arm!r}; accepted: {', '.join(spec.arms)}")


def _require(made: Sequence[Made], asked: Asked) -> None:
    for name in asked.kinds:
        of_kind = [each for each in made if each.kind.name == name]
        if not any(each.rows for each in of_kind):
            raise InputError("; ".join(f"{each.arm}: {each.why}" for each in of_kind))
    for each in made:
        if each.rows and each.path.exists() and not asked.replace and not _holds(each):
            raise InputError(f"{each.path}: holds other rows; expected another --out, or --replace")


def _holds(made: Made) -> bool:
    return data_hash(iter_rows(made.path)) == made.data_hash
