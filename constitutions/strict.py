"""What every configuration schema is made of: a strict base model, a few checked types, and located problems.

A schema derives from `Strict` and is read with `constitutions.yaml_source.validate`, which turns whatever is wrong
into one line with file, line, key, value and what would be accepted.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

EXPECTED = "expected"
PROBLEM = "problem"


_LOW, _HIGH = ("ge", "gt"), ("le", "lt")


def _make_scalars_strict(schema: Any) -> None:
    if isinstance(schema, dict):
        if schema.get("type") in ("int", "float", "bool"):
            schema["strict"] = True
            if any(end in schema for end in _LOW) and any(end in schema for end in _HIGH):
                _say_range(schema)
            return
        for part in schema.values():
            _make_scalars_strict(part)
    elif isinstance(schema, (list, tuple)):
        for part in schema:
            _make_scalars_strict(part)


def _say_range(schema: dict[str, Any]) -> None:
    """Check both ends of a number at once, in place: pydantic names only the one that was overstepped."""
    ends = {end: schema.pop(end) for end in (*_LOW, *_HIGH) if end in schema}
    low, high = (next(ends[end] for end in side if end in ends) for side in (_LOW, _HIGH))
    out = [f"{value:g} itself excluded" for end, value in ends.items() if end in ("gt", "lt")]
    expected = ", ".join([f"a number from {low:.15g} to {high:.15g}", *out])

    def check(value: float) -> float:
        if not (low < value < high or (value == low and "ge" in ends) or (value == high and "le" in ends)):
            raise PydanticCustomError(EXPECTED, "{expected}", {"expected": expected})
        return value

    whole = core_schema.no_info_after_validator_function(check, dict(schema))
    schema.clear()
    schema.update(whole)


class Strict(BaseModel):
    """A frozen model that refuses unknown keys and does not bend scalars.

    `"2"` is not a number, `true` is not 1 and `1` is not true; but a list may become a tuple, and text a path or an
    enum member, because YAML has no other way to write those.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True, serialize_by_alias=True
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Pydantic's own schema with every number and flag strict; `strict=True` would refuse lists for tuples too."""
        schema = handler(source)
        _make_scalars_strict(handler.resolve_ref_schema(schema))
        return schema


def problem(message: str, *path: str | int) -> PydanticCustomError:
    """An error to raise in a validator of a `Strict` model about the value at `path`, relative to that model.

    `message` says what is wrong and what would be accepted; file, line and key are put before it.
    """
    return PydanticCustomError(PROBLEM, "{message}", {"message": message, "path": path})


def suggestion(word: str, accepted: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` for the nearest accepted word, or an empty string."""
    near = difflib.get_close_matches(word, list(accepted), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _require(holds: Callable[[Any], bool], expected: str) -> AfterValidator:
    def check(value: Any) -> Any:
        if not holds(value):
            raise PydanticCustomError(EXPECTED, "{expected}", {"expected": expected})
        return value

    return AfterValidator(check)


_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")

# Pydantic would answer "a finite number" before the bound is looked at; these say the whole expectation at once.
Finite = Annotated[float, Field(allow_inf_nan=True), _require(math.isfinite, "a finite number")]
"""A float that is neither infinite nor NaN."""

Positive = Annotated[
    float, Field(allow_inf_nan=True), _require(lambda x: math.isfinite(x) and x > 0, "a finite number > 0")
]
"""A finite float greater than zero."""

Share = Annotated[float, Field(allow_inf_nan=True), _require(lambda x: 0 <= x <= 1, "a number from 0 to 1")]
"""A float from 0 to 1, both included."""

Text = Annotated[str, _require(lambda text: bool(text.strip()), "text that is not empty")]
"""A string with something other than white space in it."""

Identifier = Annotated[
    str, _require(lambda name: bool(_IDENTIFIER.fullmatch(name)), "a letter, then letters, digits, '_' or '-'")
]
"""A name that is safe in keys, file names and `--set` paths."""
