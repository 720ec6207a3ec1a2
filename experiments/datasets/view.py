"""An audit of a training set on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from experiments.report.training_data import lines, title_of_set
from experiments.terminal.layout import shown
from training.checks.summary import SetAudit


def audit_tables(found: SetAudit) -> Iterator[Table | Text]:
    """Every figure with its interval, then every limit; no text of the set but names of its principles."""
    title = shown(f"{title_of_set(found)}: {found.rows:,} rows, {found.words:,} words")
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for heading in ("value", "95 % interval", *(["reference"] if found.reference else [])):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("over", overflow="fold")
    for line in lines(found):
        cells = [line.value, line.interval, *([line.reference] if found.reference else [])]
        table.add_row(line.title, *cells, shown(line.basis))
    yield table
    for gate in found.gates:
        yield Text(f"met: {gate.line}" if gate.met else f"BROKEN: {gate.line}; {gate.remedy}")
