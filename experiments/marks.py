"""What the oracle says of every case of a run's arms, kept beside the page: other runs are compared with it by case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from experiments.config import MarkedMetric
from experiments.report.data import FOLDER
from experiments.scoring import Marks
from hierarchy.block import Block
from hierarchy.records import write_parquet

FILE = f"{FOLDER}/marks.parquet"
METRICS: tuple[str, ...] = get_args(MarkedMetric)


@dataclass(frozen=True)
class Flags:
    """The cases of an arm, in the order of their ids [N], and a metric's flag for each that it counts [N or fewer]."""

    case_id: tuple[str, ...]
    flag: NDArray[np.bool_]


def write_marks(folder: Path, blocks: Mapping[str, Block], marks: Mapping[str, Marks]) -> None:
    """Write `data/marks.parquet`: a row per arm and case, whether its request is benign, and every metric's flag."""
    tables = [_table(arm, blocks[arm], some) for arm, some in marks.items()]
    if tables:
        write_parquet(pa.concat_tables(tables), folder / FILE)


def _table(arm: str, block: Block, marks: Marks) -> pa.Table:
    columns = {
        "arm": pa.repeat(arm, len(block)),
        "case_id": pa.array(block.cases.case_id_N, pa.string()),
        "benign": marks.benign_N,
        **{name: marks.metric(name) for name in METRICS},
    }
    table = pa.table(columns)
    return table.take(pc.sort_indices(table["case_id"]))


def read_marks(folder: Path, metric: str) -> dict[str, Flags]:
    """A metric's flags by arm; needless refusals and right answers of benign requests alone, where there are any.
    Empty where the run kept none."""
    path = folder / FILE
    if metric not in METRICS or not path.is_file():
        return {}
    table = pq.read_table(path)
    return {
        arm: _flags(table.filter(pc.equal(table["arm"], arm)), metric) for arm in pc.unique(table["arm"]).to_pylist()
    }


def _flags(table: Any, metric: str) -> Flags:
    flag, benign = (table[name].to_numpy() for name in (metric, "benign"))
    only_benign = metric in ("needless_refusals", "correct") and benign.any()
    return Flags(tuple(table["case_id"].to_pylist()), flag[benign] if only_benign else flag)
