"""Dataset files that grow some rows at a time, so that no more of a dataset than that is ever held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from training.datasets import Row
from training.datasets.lines import lines

if TYPE_CHECKING:
    import pyarrow.parquet as pq


class Growing(Protocol):
    """A file that takes rows of one kind."""

    def add(self, rows: Sequence[Row]) -> None:
        """Write some rows, at least one, after those before."""
        ...

    def close(self) -> None:
        """Write what is left to write."""
        ...


class GrowingJsonl:
    """One JSON object a line, UTF-8."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def add(self, rows: Iterable[Row]) -> None:
        """Write some rows."""
        self._file.writelines(lines(rows))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class GrowingParquet:
    """Parquet, a row group a part, with a schema that does not depend on which lists happen to be empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def add(self, rows: Sequence[Row]) -> None:
        """Write some rows."""
        # pyarrow takes a moment to import, and fine-tuning from JSONL does without.
        import pyarrow.parquet as pq

        from training.datasets.arrow import table

        made = table(rows)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, made.schema)
        self._writer.write_table(made)

    def close(self) -> None:
        """Write the footer."""
        if self._writer is not None:
            self._writer.close()


GROWING: dict[str, type[GrowingJsonl | GrowingParquet]] = {"jsonl": GrowingJsonl, "parquet": GrowingParquet}
"""How rows are written, by the ending of the file."""
