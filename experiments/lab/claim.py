"""A folder of results answers one question: who comes with another, or with other graphs, does not get it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from constitutions.errors import InputError
from constitutions.files import read_text
from hierarchy.graph import OversightGraph
from hierarchy.node_link import to_node_link


def claim(folder: Path, files: Mapping[str, str], what: str) -> None:
    """Take the folder for the question that these texts make up, by file name, or go on with it. Raises InputError
    where one of the files is there and says something else: results of both would stand side by side as one."""
    for name, text in files.items():
        path = folder / name
        if path.is_file() and read_text(path) != text:
            raise InputError(f"{folder}: holds another {what} ({name} differs); give another --out, or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def graphs_text(graphs: Mapping[str, OversightGraph]) -> str:
    """Graphs by arm, as node-link JSON."""
    return json.dumps({name: to_node_link(graph) for name, graph in graphs.items()}, indent=1) + "\n"
