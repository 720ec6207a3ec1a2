"""A page with what stands beside it: the data behind every table and figure, and pictures of the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from constitutions.files import write_atomically
from experiments.report.charts import Chart
from experiments.report.data import Data, write_data
from experiments.report.drawings import PICTURES, Drawing, Picture


@dataclass(frozen=True, slots=True)
class Page:
    """A self-contained page, the tables it links by name, its charts and its drawn graphs."""

    html: str
    data: Mapping[str, Data]
    charts: Sequence[Chart] = field(default=())
    drawings: Sequence[Drawing] = field(default=())

    def write(self, path: Path, pictures: Picture | None = None) -> Path:
        """Write the page to `path`, `data/` beside it, and with `pictures` every figure as a file in `figures/`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_data(path.parent, self.data)
        write_atomically(path, self.html)
        if pictures is not None:
            from experiments.report.still import write_pictures  # matplotlib takes a second to import

            write_pictures(path.parent / PICTURES, self.charts, self.drawings, pictures)
        return path
