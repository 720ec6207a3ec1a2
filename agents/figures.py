"""Numbers that never stand without their intervals: what every room states its figures in."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """A frozen record that refuses unknown keys, NaN and infinity: what cannot be computed is None."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Proportion(Record):
    """`count` of `n` cases, with a 95 % interval for the share (`experiments.statistics.proportion` makes one)."""

    count: int = Field(ge=0)
    n: int = Field(ge=0)
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)

    @property
    def value(self) -> float | None:
        """The share from 0 to 1; None where nothing was counted."""
        return self.count / self.n if self.n else None


class Estimate(Record):
    """A number with its 95 % interval. None: not defined (value) or not bounded by the data (low, high)."""

    value: float | None
    low: float | None
    high: float | None
