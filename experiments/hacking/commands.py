"""`oversight hacking`: the experiment, its tables and its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from experiments.folder import next_folder
from experiments.hacking.experiment import measure_hacking
from experiments.hacking.spec import load_hacking
from experiments.report.hacking import WAYS, said, write_hacking_report

DEFAULT = Path(__file__).parents[1] / "configs" / "hacking.yaml"
RUNS = Path("runs")


def hacking_command(config: Path | None, out: Path | None, overrides: Sequence[str]) -> None:
    """Run it and say what was found."""
    spec = load_hacking(config or DEFAULT, overrides)
    console = Console()
    torch.set_num_threads(spec.reward.threads)
    folder = out or next_folder(spec.name, RUNS)
    found = measure_hacking(spec, folder, lambda text: console.print(text, highlight=False)).to_dict()
    for judge, key in (("the hierarchy's verdict", "reward"), ("the oracle", "oracle")):
        it = found[key]
        console.print(
            f"reward model by {judge}: accuracy {it['accuracy']:.3f}, log loss {it['log_loss']:.3f}, "
            f"calibration error {it['calibration_error']:.3f} on {it['pairs']} pairs",
            highlight=False,
            soft_wrap=True,
        )
    for way, title, strength in WAYS:
        console.print(_table(title, strength, found[way]["points"]))
        console.print(said(strength, found[way]["parts"]), highlight=False, soft_wrap=True)
    console.print(f"report {write_hacking_report(folder, found)}", highlight=False, soft_wrap=True)


def _table(title: str, strength: str, points: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in (strength, "KL, nats", "proxy", "oracle"):
        table.add_column(column, justify="right")
    for point in points:
        scores = (f"{point[name]:.3f} ± {1.96 * point[f'{name}_se']:.3f}" for name in ("proxy", "oracle"))
        table.add_row(str(point["strength"]), f"{point['kl']:.2f}", *scores)
    return table
