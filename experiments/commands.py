"""What the commands that run things do: config in, progress and tables out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from constitutions.errors import InputError
from experiments.config import load_experiment
from experiments.exhibits import folder_page, hidden_page
from experiments.folder import kept_in, next_folder
from experiments.recurse.results import read_recursion
from experiments.recurse.tables import print_recursion
from experiments.report.drawings import Picture
from experiments.report.report import HIDDEN_REPORT_FILE, REPORT_FILE
from experiments.results.files import RESULTS_FILE
from experiments.results.run import RunResults, read_results
from experiments.run import Finished, resume_run, run_experiment
from experiments.terminal.tables import print_results
from experiments.world.recipe import train_world

RUNS = Path("runs")


def run_command(config: Path, out: Path | None, overrides: Sequence[str]) -> None:
    """`oversight run`: a new run, or on with the one in `out`."""
    spec = load_experiment(config, overrides)
    console = Console()
    _finish(run_experiment(spec, out or next_folder(spec.name, RUNS), console), console)


def resume_command(path: Path) -> None:
    """`oversight resume`."""
    console = Console()
    _finish(resume_run(path, console), console)


def _finish(done: Finished, console: Console) -> None:
    show_results(done.results, console)
    if done.waiting:
        console.print(
            f"{done.waiting} cases wait for a person: `oversight audit list {done.folder.path}`, then "
            f"`oversight resume {done.folder.path}`",
            highlight=False,
            soft_wrap=True,
        )
    console.print(f"records {done.digest}", highlight=False, soft_wrap=True)
    console.print(f"report  {done.folder.report}", highlight=False, soft_wrap=True)


def show_results(results: RunResults, console: Console) -> None:
    """The answer and the tables."""
    print_results(results, console)


def report_command(
    paths: Sequence[Path], out: Path | None, metric: str, pictures: Picture | None, hidden: bool = False
) -> Path:
    """`oversight report`: the page of a run, a sweep, a comparison, a recursion or a self-study, or of several runs and
    comparisons; with `hidden`, of a run with its hidden layer, under a name of its own."""
    if hidden:
        if len(paths) > 1:
            raise InputError("--hidden: several folders; accepted: one run")
        path = hidden_page(paths[0]).write((out or paths[0]) / HIDDEN_REPORT_FILE, pictures)
    elif len(paths) == 1 and out is None:
        path = folder_page(paths, metric).write(paths[0] / REPORT_FILE, pictures)
        _show(paths[0], Console())
    else:
        folder = out or RUNS / f"report-{'-'.join(path.resolve().name for path in paths)}"[:100]
        path = folder_page(paths, metric).write(folder / REPORT_FILE, pictures)
    Console().print(f"report  {path}", highlight=False, soft_wrap=True)
    return path


def _show(path: Path, console: Console) -> None:
    """The tables of a run or a recursion."""
    kind = kept_in(path)
    if kind == "recursion":
        print_recursion(read_recursion(path), console)
    elif kind is None and (path / RESULTS_FILE).is_file():
        show_results(read_results(path), console)


def world_train_command(out: Path, only: Sequence[str] | None, seed: int, steps_scale: float, notes: float) -> None:
    """`oversight world train`."""
    console = Console()
    made = train_world(out, list(only) if only else None, seed, steps_scale, notes, lambda *told: console.print(*told))
    console.print(f"{len(made)} checkpoints in {out}")
