"""Graphs as networkx node-link JSON, there and back: nodes carry a step's fields, edges an edge's.

    {"directed": true, "multigraph": true, "graph": {"name": "mine", "fallback": "refuse"},
     "nodes": [{"id": "draft", "role": "base", "agent": "base"}, {"id": "release"}],
     "edges": [{"source": "draft", "target": "release", "order": 0}]}

Outcomes (`release`, `redirect`, `refuse`) are nodes without fields. `order` is an edge's place among all edges, which
matters where several conditions hold: networkx groups edges by node. Without it the file's order counts. `links` is
read like `edges` (networkx before 3.4), and an edge's `key` is not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from constitutions.errors import InputError
from constitutions.files import read_text
from constitutions.validation import validate
from constitutions.yaml_source import Document, KeyPath, apply_overrides
from hierarchy.graph import OversightGraph, Sink

_SINKS = frozenset(sink.value for sink in Sink)


def to_node_link(graph: OversightGraph) -> dict[str, Any]:
    """The graph as a node-link document, ready for `json.dumps` or `networkx.node_link_graph(..., edges="edges")`.

    `from_node_link` gives an equal graph back, also after networkx has read and written it.
    """
    declared = graph.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    steps, edges = declared.pop("steps"), declared.pop("edges")
    for step, node in zip(graph.steps, steps, strict=True):
        if step.rule is not None:  # its kind is a default, and says what the other fields are
            node["rule"] = step.rule.model_dump(mode="json")
    ends = [sink.value for sink in Sink if any(edge.to == sink.value for edge in graph.edges)]
    return {
        "directed": True,
        "multigraph": True,
        "graph": declared,
        "nodes": [*steps, *({"id": end} for end in ends)],
        "edges": [
            {"source": edge.pop("from"), "target": edge.pop("to"), **edge, "order": order}
            for order, edge in enumerate(edges)
        ],
    }


def from_node_link(data: Mapping[str, Any], name: str = "graph", overrides: Sequence[str] = ()) -> OversightGraph:
    """The graph of a node-link document; `name` is what errors call it, and the graph's name where it has none.

    Raises InputError, one line that names the node or edge.
    """
    edges = _entries(data, name, "edges" if "edges" in data else "links", ("source", "target"))
    nodes = [node for node in _entries(data, name, "nodes", ("id",)) if not _is_end(node, name)]
    if data.get("directed") is False:
        raise InputError(f"{name}: directed: false is not accepted; oversight goes one way: expected a directed graph")
    about = data.get("graph") or {}
    if not isinstance(about, Mapping):
        raise InputError(f"{name}: graph: expected a mapping of the graph's own fields, such as name and fallback")
    ordered = sorted(edges, key=lambda edge: _order(edge, name)) if all("order" in edge for edge in edges) else edges
    places: dict[KeyPath, str] = {("steps", i): f"{name}: node {node['id']!r}" for i, node in enumerate(nodes)}
    places |= {("edges", i): f"{name}: edge {e['source']!r} -> {e['target']!r}" for i, e in enumerate(ordered)}
    declared = {"name": Path(name).stem, **about, "steps": nodes, "edges": [_edge(edge) for edge in ordered]}
    return validate(apply_overrides(Document(name, declared, places), overrides), OversightGraph)


def read_graph_json(path: Path, overrides: Sequence[str] = ()) -> OversightGraph:
    """A JSON file with a graph: node-link, or the keys of our own YAML. Raises InputError."""
    try:
        data = json.loads(read_text(path), parse_constant=_no_constant, object_pairs_hook=_every_key_once)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from None
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    except RecursionError:
        raise InputError(f"{path}: nested too deeply to be read") from None
    if isinstance(data, dict) and "steps" in data:
        return validate(apply_overrides(Document(str(path), data), overrides), OversightGraph)
    if not isinstance(data, dict) or "nodes" not in data:
        raise InputError(f"{path}: expected networkx node-link JSON with `nodes` and `edges` (or `links`)")
    return from_node_link(data, str(path), overrides)


def _entries(data: Mapping[str, Any], name: str, key: str, needed: tuple[str, ...]) -> list[dict[str, Any]]:
    entries = data.get(key)
    if not isinstance(entries, list):
        keys = "edges (or links)" if key == "links" else key
        raise InputError(f"{name}: {keys}: expected a list of mappings")
    for i, entry in enumerate(entries):
        if not isinstance(entry, dict) or any(not isinstance(entry.get(field), str) for field in needed):
            raise InputError(f"{name}: {key}[{i}]: expected a mapping with {' and '.join(needed)}, which are text")
    return entries


def _is_end(node: Mapping[str, Any], name: str) -> bool:
    if node["id"] not in _SINKS:
        return False
    if len(node) > 1:
        extra = next(key for key in node if key != "id")
        raise InputError(f"{name}: node {node['id']!r} is an outcome and has no {extra!r}; accepted: id alone")
    return True


def _order(edge: Mapping[str, Any], name: str) -> int:
    order = edge["order"]
    if not isinstance(order, int) or isinstance(order, bool):
        where = f"edge {edge['source']!r} -> {edge['target']!r}"
        raise InputError(f"{name}: {where}: order: {order!r} is not accepted; expected a whole number")
    return order


def _edge(edge: Mapping[str, Any]) -> dict[str, Any]:
    fields = {key: value for key, value in edge.items() if key not in ("source", "target", "order", "key")}
    return {"from": edge["source"], "to": edge["target"], **fields}


def _every_key_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} is given twice in one object; expected every key once")
        found[key] = value
    return found


def _no_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not accepted in JSON; expected a finite number")
