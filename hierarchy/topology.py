"""The shipped topologies, and reading a graph from wherever its author keeps it."""

from __future__ import annotations

from pathlib import Path

from constitutions.errors import InputError
from constitutions.validation import load_model
from hierarchy.graph import OversightGraph

_SHIPPED = Path(__file__).parent / "topologies"


def shipped() -> tuple[str, ...]:
    """Names of the topologies that come with the program."""
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.yaml")))


def load_graph(name_or_path: str, beside: Path | None = None) -> OversightGraph:
    """A shipped topology by name, or a YAML file (looked for beside the config first). Raises InputError."""
    if name_or_path in shipped():
        return load_model(_SHIPPED / f"{name_or_path}.yaml", OversightGraph)
    for folder in (beside, Path()):
        if folder is not None and (folder / name_or_path).is_file():
            return load_model(folder / name_or_path, OversightGraph)
    raise InputError(f"graph {name_or_path!r}: no such file; give a YAML file, or one of {', '.join(shipped())}")
