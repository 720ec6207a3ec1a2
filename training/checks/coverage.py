"""Which principles a set teaches: rows on whose path a reviewer flagged each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agents.figures import Record
from training.lineage import Lineage


class Coverage(Record):
    """Rows per principle.

    Attributes:
        rows: rows in the set; unflagged: those on whose path nobody flagged anything.
        principles: rows by principle, every principle of the constitution among them; a row counts under each of its
            own. Most rows first.
        known: whether the constitution's principles were given; without them one that has no row is not seen here.
    """

    rows: int
    unflagged: int
    principles: dict[str, int]
    known: bool

    @property
    def without(self) -> tuple[str, ...]:
        """Principles without any row."""
        return tuple(name for name, count in self.principles.items() if not count)

    @property
    def fewest(self) -> int | None:
        """Rows of the principle that has fewest; None where the principles are not known."""
        return min(self.principles.values()) if self.known and self.principles else None


def coverage(lineages: Sequence[Lineage], principles: Sequence[str] | None) -> Coverage:
    """Count rows per principle; `principles` are the ids of the constitution's, None where they are not known."""
    counts = Counter(name for lineage in lineages for name in dict.fromkeys(lineage.principles))
    names = dict.fromkeys([*(principles or ()), *sorted(counts)])
    ordered = sorted(names, key=lambda name: -counts[name])
    return Coverage(
        rows=len(lineages),
        unflagged=sum(not lineage.principles for lineage in lineages),
        principles={name: counts[name] for name in ordered},
        known=principles is not None,
    )
