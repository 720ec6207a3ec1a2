"""What was measured of a base, prompt by prompt, kept in the folder of its evaluation.

A metric is a ratio of sums over the N prompts: what is counted (`num_N`) over what it is counted among (`den_N`): 1 for
every prompt, or for benign ones alone, or for those whose answer violates. So every figure is resampled by prompts, and
two bases are compared prompt by prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from agents.figures import Estimate
from experiments.results.figures import Difference
from experiments.statistics import bootstrap_estimate, paired_difference, proportion
from experiments.statistics.paired import quotient
from hierarchy.records import write_parquet
from training.sampling import Drawn

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Column:
    """A metric by prompt: sum(num) / sum(den)."""

    num_N: Floats
    den_N: Floats

    @classmethod
    def of(cls, num_N: ArrayLike, among_N: ArrayLike | None = None) -> Column:
        """`num_N` among the prompts for which `among_N` holds (all, if not given); elsewhere neither counts."""
        num = np.asarray(num_N, np.float64)
        den = np.ones_like(num) if among_N is None else np.asarray(among_N, np.float64)
        return cls(num * den, den)

    def _counted(self) -> Floats:
        return self.num_N[self.den_N > 0]

    def estimate(self, seed: int, share: bool = True) -> Estimate:
        """With a 95 % interval: Wilson's for a share of prompts, else the BCa bootstrap over prompts."""
        values = self._counted()
        if share and np.isin(self.den_N, (0, 1)).all() and np.isin(values, (0, 1)).all():
            found = proportion(values.astype(bool))
            low, high = (found.low, found.high) if len(values) else (None, None)
            return Estimate(value=found.value, low=low, high=high)
        return bootstrap_estimate(np.column_stack([self.num_N, self.den_N]), quotient, seed)

    def change(self, before: Column, seed: int, share: bool = True) -> Difference:
        """This minus `before` on the same prompts, by the paired BCa bootstrap.

        What differs on no prompt and is no share has no interval: nothing bounds what was not seen.
        """
        if not share and np.array_equal(self.num_N, before.num_N):
            return Difference(value=0.0, low=None, high=None)
        if np.array_equal(self.den_N, before.den_N) and np.isin(self.den_N, (0, 1)).all():
            return paired_difference(self._counted(), before._counted(), seed=seed)
        # What is counted among differs, such as the answers that violate: a difference of two ratios.
        columns = np.column_stack([self.num_N, self.den_N, before.num_N, before.den_N])
        found = bootstrap_estimate(columns, lambda sums: quotient(sums[:, :2]) - quotient(sums[:, 2:]), seed)
        return Difference(**found.model_dump())


@dataclass(frozen=True)
class Measures:
    """A base's columns by metric, and the answers drawn from it to the first prompts, prompt by prompt."""

    columns: Mapping[str, Column]
    drawn: tuple[tuple[Drawn, ...], ...]

    @property
    def answers(self) -> list[Drawn]:
        """All drawn answers, in the order of the prompts."""
        return [one for some in self.drawn for one in some]


_DRAWN = pa.list_(
    pa.struct([("prompt_ids", pa.list_(pa.int32())), ("ids", pa.list_(pa.int32())), ("text", pa.string())])
)


def write_measures(measures: Measures, path: Path) -> None:
    """One row a prompt, written whole: a metric's NAME.num and NAME.den, and the drawn answers (null without any)."""
    table: dict[str, Any] = {}
    for name, column in measures.columns.items():
        table |= {f"{name}.num": column.num_N, f"{name}.den": column.den_N}
    size = len(next(iter(table.values())))
    drawn = [
        [{"prompt_ids": one.prompt_ids, "ids": one.ids, "text": one.text} for one in some] for some in measures.drawn
    ]
    table["drawn"] = pa.array([*drawn, *[None] * (size - len(drawn))], _DRAWN)
    write_parquet(pa.table(table), path)


def read_measures(path: Path) -> Measures:
    """The inverse of `write_measures`."""
    table = pq.read_table(path)
    drawn = [some for some in table["drawn"].to_pylist() if some is not None]
    names = [name.removesuffix(".num") for name in table.column_names if name.endswith(".num")]
    columns = {name: Column(table[f"{name}.num"].to_numpy(), table[f"{name}.den"].to_numpy()) for name in names}
    return Measures(columns, tuple(tuple(Drawn(a["text"], a["prompt_ids"], a["ids"]) for a in some) for some in drawn))
