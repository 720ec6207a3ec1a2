"""What the dataset commands do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from experiments.datasets.building import Asked, build_run
from experiments.datasets.listing import list_run
from training.datasets.public import export


def list_command(run: Path) -> None:
    """`oversight dataset list`."""
    list_run(run, Console())


def build_command(run: Path, asked: Asked, overrides: Sequence[str]) -> None:
    """`oversight dataset build`: a line a dataset."""
    for made in build_run(run, asked, overrides):
        left = ", ".join(f"{count} {reason}" for reason, count in sorted(made.left_out.items()))
        said = f"left out: {left}" if left else "none left out"
        if made.rows:
            print(f"{made.path}: {made.rows} rows, layer {made.kind.layer}, {made.data_hash[:16]}; {said}")
        else:
            print(f"{made.arm}: no {made.kind.name}; {said}")


def export_command(files: Sequence[Path], out: Path) -> None:
    """`oversight dataset export`."""
    for path, count in export(files, out):
        print(f"{path}: {count} rows of the visible layer")
