"""Where the shipped models of the microworld are."""

from __future__ import annotations

from pathlib import Path

from constitutions.errors import InputError

CHECKPOINTS = Path(__file__).parent / "checkpoints"
STYLE = Path(__file__).parent / "style.yaml"
STUDY_STYLE = Path(__file__).parent / "study.yaml"


def checkpoint(name: str) -> Path:
    """The folder of a shipped model, which `from_pretrained` loads."""
    folder = CHECKPOINTS / name
    if not (folder / "model.safetensors").is_file():
        known = sorted(path.name for path in CHECKPOINTS.glob("*") if path.is_dir())
        raise InputError(f"world model: {name!r} is not one of {', '.join(known) or 'none (train the world first)'}")
    return folder
