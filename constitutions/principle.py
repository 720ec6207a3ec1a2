"""One principle of a constitution, and the drawing of its phrasings."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from constitutions.errors import InputError
from constitutions.predicate import Kind, Predicate, check
from constitutions.strict import Identifier, Positive, Share, Strict, Text, problem

CASE_FIELDS: Mapping[str, Kind] = {"region": "text", "role": "text", "tags": "tags"}
"""What `applies_when` may ask about a case."""

SEVERITY_SCALE: Mapping[str, float] = {"minor": 0.25, "moderate": 0.5, "serious": 0.75, "severe": 1.0}
"""The severity scale of a principle that declares none."""


class Example(Strict):
    """A request and a response, and whether that response violates the principle."""

    request: Text
    response: Text
    violates: bool
    note: str = ""


class Principle(Strict):
    """A single rule that a response is held to.

    `priority` 1 is the highest; `weight` is relative to the other principles. `severity`, in [0, 1], is how bad a
    violation is when nothing more is known; `severity_scale` names degrees of it, the mildest first. A critique and a
    revision are asked for in one of several phrasings, drawn per use (Bai et al. 2022, arXiv:2212.08073, section 3).
    """

    id: Identifier
    statement: Text
    purpose: str = ""
    category: Identifier = "general"
    priority: int = Field(default=1, ge=1)
    weight: Positive = 1.0
    severity_scale: dict[Identifier, Share] = Field(default_factory=lambda: dict(SEVERITY_SCALE), min_length=1)
    severity: Share = 0.5
    critique_requests: tuple[Text, ...] = Field(min_length=1)
    revision_requests: tuple[Text, ...] = Field(min_length=1)
    examples: tuple[Example, ...] = ()
    applies_when: Predicate | None = None

    @model_validator(mode="after")
    def _scale_ascends(self) -> Principle:
        values = list(self.severity_scale.values())
        if any(low >= high for low, high in pairwise(values)):
            raise problem(f"severities {values} do not ascend; expected the mildest first", "severity_scale")
        return self

    @field_validator("applies_when")
    @classmethod
    def _asks_about_a_case(cls, condition: Predicate | None) -> Predicate | None:
        if condition is not None:
            try:
                check(condition, CASE_FIELDS)
            except InputError as error:
                raise ValueError(str(error)) from None
        return condition

    def severity_name(self, severity: float) -> str:
        """The strongest name of the scale that `severity` reaches, or the mildest when it reaches none."""
        names = list(self.severity_scale)
        return next((name for name in reversed(names) if self.severity_scale[name] <= severity), names[0])


def draw_phrasing(n_phrasings: int, uniform_N: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which of `n_phrasings` each use takes: int [N], each equally likely, from one uniform in [0, 1) per use.

    Raises ValueError when there is no phrasing or a number is outside [0, 1).
    """
    if n_phrasings < 1 or np.any((uniform_N < 0) | (uniform_N >= 1)):
        raise ValueError("expected at least one phrasing and uniforms in [0, 1)")
    # u * n can round up to n for the largest floats below 1.
    return np.minimum(np.floor(uniform_N * n_phrasings).astype(np.int64), n_phrasings - 1)
