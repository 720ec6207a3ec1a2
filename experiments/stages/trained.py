"""Where the trainings of a run are: a folder an arm and stage, and a further one whenever there are other data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.config import StageSpec
from experiments.folder import RunFolder
from training.datasets import Row
from training.output import read_manifest, training_key
from training.stale import current


def newest(checkpoints: Path, arm: str, stage: str) -> Path:
    """The current training of an arm's stage, begun, done or to come: `ARM-STAGE`, then `ARM-STAGE.2` and so on."""
    found, after = checkpoints / f"{arm}-{stage}", _numbered(checkpoints, arm, stage, 2)
    while any(one.exists() for one in _places(after)):
        found, after = after, _numbered(checkpoints, arm, stage, int(after.suffix[1:]) + 1)
    return found


def folder_for(folder: RunFolder, arm: str, stage: StageSpec, rows: Sequence[Row], model: Path, *, first: bool) -> Path:
    """Where this training is, or goes: a folder of its own where the newest learnt from other rows, or is a later stage
    (not `first`) of a base that did. One with another spec or another base is left to be refused.

    The models before and after are told apart by their folders, so what was measured of the one is not taken for the
    other's.
    """
    last = newest(folder.checkpoints, arm, stage.name)
    manifest = next(filter(None, map(read_manifest, _places(last))), None)
    key = training_key(stage.train, current(rows), (), model)
    if manifest is None or manifest["key"] == key or manifest["key"]["spec"] != key["spec"]:
        return last
    if first and manifest["key"]["model"] != key["model"]:
        return last
    count = 2 if last.suffix == "" else int(last.suffix[1:]) + 1
    new = _numbered(folder.checkpoints, arm, stage.name, count)
    folder.note(f"train {arm}: {last.name} learnt from other data; {stage.name} is trained anew, in {new.name}")
    return new


def _numbered(checkpoints: Path, arm: str, stage: str, count: int) -> Path:
    # No identifier has a dot in it, so that no other stage can have this name.
    return checkpoints / f"{arm}-{stage}.{count}"


def _places(folder: Path) -> tuple[Path, Path]:
    """The folder of a training that is done, and of one that is under way."""
    return folder, folder.with_name(f"{folder.name}.partial")
