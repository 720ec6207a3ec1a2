"""Configuration from YAML, strictly: every value remembers its file and line, so every complaint can name them.

The dialect is the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema) without octal numbers:
`no`, `on` and `12:30` are text, `1e-3` is a number. Keys are text. Duplicate keys are errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from constitutions.errors import InputError
from constitutions.files import read_text

KeyPath = tuple[str | int, ...]
"""Where a value sits in a document: `("principles", 3, "weight")`."""


@dataclass(frozen=True)
class Document:
    """A tree of dicts, lists and scalars, with the place each key came from.

    `places` maps a key path to `"file.yaml:12"` or `"--set key=value"`; a path that is not in it takes the place of
    the nearest one above. Documents made in Python need only `name` and `data`.
    """

    name: str
    data: Any
    places: Mapping[KeyPath, str] = field(default_factory=dict)

    def place(self, path: KeyPath) -> str:
        """The file and line (or override) that the value at `path` came from."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return self.name

    def error(self, path: KeyPath, message: str, at: KeyPath | None = None) -> InputError:
        """An InputError about the value at `path`: place (of `at`, where that differs), dotted key, message."""
        place, key = self.place(path if at is None else at), dotted(path)
        return InputError(f"{place}: {key}: {message}" if key else f"{place}: {message}")


def dotted(path: KeyPath) -> str:
    """`principles[3].weight` for `("principles", 3, "weight")`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def load_yaml(path: str | Path, overrides: Sequence[str] = ()) -> Document:
    """Read one YAML document and apply `overrides` such as `audit.budget=40` or `arms.0.graph=layers.yaml`.

    Raises InputError for a missing, empty or non-UTF-8 file, broken YAML, a duplicate key, and an override that
    does not fit the document. Whether the keys are the right ones is for `constitutions.validation.validate` to say.
    """
    path = Path(path)
    document = parse_yaml(read_text(path), str(path))
    return apply_overrides(document, overrides)


@lru_cache(maxsize=256)
def parse_yaml(text: str, name: str) -> Document:
    """The document in `text`; `name` is what errors call it. Raises InputError as `load_yaml` does.

    The same text gives the same document, which nobody may change: a sweep reads its config at every setting.
    """
    try:
        root = yaml.compose(text, Loader=_CoreLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(f"{name}:{line}: character {error.character!r} is not accepted in YAML") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        raise InputError(
            f"{where}: not valid YAML: {', '.join(filter(None, (error.context, error.problem)))}"
        ) from None
    except RecursionError:
        raise InputError(f"{name}: nested too deeply to be read") from None
    if root is None:
        raise InputError(f"{name}: the file is empty; expected a mapping of keys")
    places: dict[KeyPath, str] = {}
    data = _Builder(name, places).build(root, (), ())
    return Document(name, data, places)


def apply_overrides(document: Document, overrides: Sequence[str]) -> Document:
    """A copy of `document` with each `key.sub=value` put in; values are YAML, list entries are named by number.

    Keys that the document does not have yet are added: its defaults live in the schema, and validation names
    whatever the schema does not know. Raises InputError when the text or the path does not fit.
    """
    data, places = document.data, dict(document.places)
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not all(key.split(".")):
            raise InputError(f"--set {override}: expected key.sub=value, for example --set audit.budget=40")
        value = parse_yaml(text, f"--set {override}").data if text.strip() else None
        path, data = _put(data, key.split("."), value, (), override)
        places = {known: place for known, place in places.items() if known[: len(path)] != path}
        places[path] = f"--set {override}"
    return Document(document.name, data, places)


def _put(node: Any, steps: list[str], value: Any, above: KeyPath, override: str) -> tuple[KeyPath, Any]:
    """The full key path and a copy of `node` in which `value` stands at the end of `steps`."""
    if not steps:
        return above, value
    step = _step_into(node, steps[0], above, override)
    children: Any = list(node) if isinstance(node, list) else dict(node or {})
    old = children[step] if isinstance(step, int) else children.get(step)
    path, children[step] = _put(old, steps[1:], value, (*above, step), override)
    return path, children


def _step_into(node: Any, step: str, above: KeyPath, override: str) -> str | int:
    if node is None or isinstance(node, dict):
        return step
    if not isinstance(node, list):
        raise InputError(f"--set {override}: {dotted(above)} is {show(node)}, which has no keys below it")
    if not step.isdecimal() or int(step) >= len(node):
        accepted = f"a number from 0 to {len(node) - 1}" if node else "nothing, it is empty"
        raise InputError(f"--set {override}: {dotted(above)} is a list, {step!r} is not in it; accepted: {accepted}")
    return int(step)


def show(value: Any) -> str:
    """`value` as an error message shows it, cut to a readable length."""
    if isinstance(value, (dict, list, tuple)):
        noun = "mapping" if isinstance(value, dict) else "list"
        return f"a {noun}" if value else f"an empty {noun}"
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


class _CoreLoader(yaml.SafeLoader):
    """PyYAML resolves YAML 1.1, in which `no` is false and `1e-3` is text; this one resolves the 1.2 core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own protocol)


_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_BOOL, _NULL, _STR = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null", "tag:yaml.org,2002:str"
_NUMBERS = [*"-+.0123456789"]
_CoreLoader.add_implicit_resolver(_BOOL, re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), [*"tTfF"])
_CoreLoader.add_implicit_resolver(_NULL, re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
_CoreLoader.add_implicit_resolver(_INT, re.compile(r"[-+]?[0-9]+\Z"), _NUMBERS)
_CoreLoader.add_implicit_resolver(
    _FLOAT,
    re.compile(
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
    ),
    _NUMBERS,
)


class _Builder:
    """Turns PyYAML's nodes into plain values while noting the line of every key."""

    def __init__(self, name: str, places: dict[KeyPath, str]) -> None:
        self._name = name
        self._places = places

    def build(self, node: yaml.Node, path: KeyPath, ancestors: tuple[int, ...]) -> Any:
        self._places.setdefault(path, self._place(node))
        if id(node) in ancestors:
            raise self._error(node, path, "refers to itself")
        inside = (*ancestors, id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, inside)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*path, i), inside) for i, child in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath, inside: tuple[int, ...]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, path, "keys must be text")
            key = str(key_node.value)
            where = (*path, key)
            if key in values:
                first = self._places[where]
                raise self._error(key_node, where, f"duplicate key; first given at {first}")
            self._places[where] = self._place(key_node)
            values[key] = self.build(value_node, where, inside)
        return values

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        text = str(node.value)
        match node.tag:
            case tag if tag == _STR:
                return text
            case tag if tag == _NULL:
                return None
            case tag if tag == _BOOL:
                return text.lower() == "true"
            case tag if tag == _INT:
                return int(text)
            case tag if tag == _FLOAT:
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        raise self._error(node, path, f"tag {node.tag!r} is not accepted; expected no tag")

    def _error(self, node: yaml.Node, path: KeyPath, message: str) -> InputError:
        return Document(self._name, None, {path: self._place(node)}).error(path, message)

    def _place(self, node: yaml.Node) -> str:
        return f"{self._name}:{node.start_mark.line + 1}"
