"""What datasets there can be of a run, and which files it holds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.console import Console

from experiments.folder import RunFolder
from experiments.terminal.layout import results_table
from training.datasets.kinds import KINDS
from training.files import FORMATS, iter_rows


def list_run(run: Path, console: Console) -> None:
    """Print the kinds, then the files of the run's `datasets` folder with their rows and how many are stale."""
    folder = RunFolder(run)
    folder.spec()
    for kind in KINDS.values():
        console.print(f"{kind.name:12} {kind.layer:8} {kind.columns:25} {kind.what}", highlight=False, soft_wrap=True)
    files = sorted(path for form in FORMATS for path in folder.datasets.glob(f"*/*.{form}"))
    if not files:
        line = f"no dataset is written yet; `oversight dataset build {run} sft` writes one"
        console.print(line, highlight=False, soft_wrap=True)
        return
    table = results_table(str(folder.datasets), "file", ("rows", "stale", "layer"))
    for path in files:
        told = Counter((row.lineage.layer, row.lineage.stale) for row in iter_rows(path))
        stale = sum(count for (_, is_stale), count in told.items() if is_stale)
        layers = ", ".join(sorted({layer for layer, _ in told}))
        table.add_row(str(path.relative_to(folder.datasets)), str(told.total()), str(stale), layers)
    console.print(table)
