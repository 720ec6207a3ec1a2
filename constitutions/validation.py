"""From a document to a checked model; whatever pydantic finds wrong becomes one line that a person can act on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from constitutions.errors import InputError
from constitutions.schema_keys import accepted_keys
from constitutions.strict import EXPECTED, PROBLEM, suggestion
from constitutions.yaml_source import Document, KeyPath, load_yaml, show

Model = TypeVar("Model", bound=BaseModel)


def load_model(path: str | Path, model: type[Model], overrides: Sequence[str] = ()) -> Model:
    """Read the YAML file at `path`, apply `overrides` and validate it as `model`. Raises InputError."""
    return validate(load_yaml(path, overrides), model)


def validate(document: Document, model: type[Model]) -> Model:
    """The document as `model`, or an InputError: `file.yaml:12: principles[3].weight: nan is not accepted; expected …`.

    The first problem is told; how many more there are is said at the end.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise _first_problem(document, model, error) from None


def _first_problem(document: Document, model: type[BaseModel], error: ValidationError) -> InputError:
    by_path: dict[KeyPath, list[ErrorDetails]] = {}
    for found in filter(_is_real, error.errors()):
        by_path.setdefault(_key_path(document.data, found), []).append(found)
    path, same_place = next(iter(by_path.items()))
    more = f" (and {len(by_path) - 1} more)" if len(by_path) > 1 else ""
    if same_place[0]["type"] == "extra_forbidden":
        accepted = accepted_keys(model, document.data, path[:-1])
        return document.error(path[:-1], _unknown_key(str(path[-1]), accepted) + more, at=path)
    return document.error(path, _sentence(same_place) + more)


def _is_real(found: ErrorDetails) -> bool:
    """Pydantic also calls a list too short when it is its entries that were refused."""
    return found["type"] != "too_short" or len(found["input"]) < found["ctx"]["min_length"]


def _key_path(data: Any, found: ErrorDetails) -> KeyPath:
    """The keys of an error's location that exist in the data: pydantic also names the union members it tried."""
    path: list[str | int] = []
    for step in found["loc"]:
        if isinstance(data, dict) and str(step) in data:
            data = data[str(step)]
            path.append(str(step))
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
            path.append(step)
    if found["type"] == "missing":
        path.append(found["loc"][-1])
    return (*path, *found.get("ctx", {}).get("path", ()))


def _unknown_key(key: str, accepted: list[str]) -> str:
    return f"unknown key {key!r}; accepted: {', '.join(accepted)}{suggestion(key, accepted)}"


def _sentence(same_place: list[ErrorDetails]) -> str:
    found = same_place[0]
    ctx = found.get("ctx", {})
    match found["type"]:
        case kind if kind == PROBLEM:
            return str(ctx["message"])
        case "missing":
            return "this key is missing"
        case "value_error":
            return str(ctx["error"])
        case "union_tag_not_found":
            return f"the key {ctx['discriminator']} is missing, which says what kind this is"
        case "union_tag_invalid":
            return f"{ctx['tag']!r} is not accepted; expected one of {ctx['expected_tags']}"
    expected = " or ".join(dict.fromkeys(_expected(other) for other in same_place))
    return f"{show(found['input'])} is not accepted; expected {expected}{_hint(found)}"


_PHRASES = {
    "model_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "too_short": "at least {min_length} in it",
    "too_long": "at most {max_length} in it",
    "greater_than": "a number > {gt}",
    "greater_than_equal": "a number >= {ge}",
    "less_than": "a number < {lt}",
    "less_than_equal": "a number <= {le}",
    EXPECTED: "{expected}",
}


def _expected(found: ErrorDetails) -> str:
    phrase = _PHRASES.get(found["type"])
    return phrase.format(**found.get("ctx", {})) if phrase else found["msg"].removeprefix("Input should be ")


def _hint(found: ErrorDetails) -> str:
    """The nearest accepted word, or that a number wants quotes to be text."""
    value, accepted = found["input"], found.get("ctx", {}).get("expected")
    if found["type"] == "string_type" and isinstance(value, (bool, int, float)):
        return " (put it in quotes)"
    if found["type"] in ("literal_error", "enum") and isinstance(value, str):
        return suggestion(value, re.findall(r"'([^']*)'", str(accepted)))
    return ""
