"""Topologies by name: the shipped files, the builders, and a graph from wherever its author keeps it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from constitutions.errors import InputError
from constitutions.strict import suggestion
from constitutions.validation import load_model
from hierarchy.builders import BUILDERS, builder
from hierarchy.graph import OversightGraph
from hierarchy.node_link import read_graph_json

_SHIPPED = Path(__file__).parent / "topologies"


def shipped() -> tuple[str, ...]:
    """Names of the topologies that come with the program as files."""
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.yaml")))


def load_graph(name_or_path: str, beside: Path | None = None, overrides: Sequence[str] = ()) -> OversightGraph:
    """A topology by name or from a file, with `overrides` such as `depth=3` put in.

    A shipped file's name, a builder's name (its defaults; a builder comes first where there are overrides), or a file:
    YAML, or JSON (node-link), looked for beside the config first. Raises InputError.
    """
    known = name_or_path in shipped()
    if name_or_path in BUILDERS and (overrides or not known):
        return builder(name_or_path, overrides).graph()
    if known:
        return load_model(_SHIPPED / f"{name_or_path}.yaml", OversightGraph, overrides)
    for folder in (beside, Path()):
        if folder is not None and (folder / name_or_path).is_file():
            return _read(folder / name_or_path, overrides)
    names = tuple(dict.fromkeys((*shipped(), *BUILDERS)))
    raise InputError(
        f"graph {name_or_path!r}: no such file; give a YAML or JSON file, or one of "
        f"{', '.join(names)}{suggestion(name_or_path, names)}"
    )


def named_graph(text: str, overrides: Sequence[str] = ()) -> OversightGraph:
    """A topology as a command names it: a name, a file, or with parameters `NAME:key=value,key=value`. Raises
    InputError.

    A comma parts two parameters where a key follows it, so a list needs no quotes: `panel:critics=[a,b],size=2`.
    """
    name, _, given = text.partition(":")
    parts = [part for part in re.split(r",(?=\s*[\w.]+=)", given) if part]
    return load_graph(name, overrides=[*parts, *overrides])


def _read(path: Path, overrides: Sequence[str]) -> OversightGraph:
    if path.suffix.lower() == ".json":
        return read_graph_json(path, overrides)
    return load_model(path, OversightGraph, overrides)
