"""A sweep: many settings, one line of results each, resumable; a setting that fails is told and the rest goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from constitutions.files import read_text
from experiments.config import SimulatedData
from experiments.folder import config_text
from experiments.lab.claim import claim, graphs_text
from experiments.lab.measuring import Line, Settings
from experiments.lab.plan import SWEEP, SweepSpec, load_sweep, points
from experiments.lab.schedule import Sequential, Task, everything, halving
from experiments.lab.sequence import merged
from experiments.lab.sweep_table import write_csv
from experiments.report.lab import lab_page
from experiments.report.page import Page
from experiments.report.report import REPORT_FILE
from hierarchy.graph import OversightGraph
from hierarchy.node_link import from_node_link

CONFIG, GRAPHS = "config.yaml", "graphs.json"
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Sweeper:
    """A sweep and the folder that keeps it: `sweep.json`, `config.yaml`, `graphs.json`, `points.jsonl` (a line per
    setting), `results.csv` and `report.html`. `beside` is where the sweep's own file is."""

    sweep: SweepSpec
    beside: Path
    folder: Path
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", Settings(self.sweep, self.beside))

    def run(self, progress: Progress = lambda done: None) -> list[Line]:
        """All settings, or those that are left; returns every setting's line. Raises InputError before anything is
        written: for a key that does not exist, where no arm can be had, and for a folder that holds another sweep, or
        the same one of a config or of graphs that have changed since."""
        found = self.measured(progress)
        write_csv(self.folder / "results.csv", found)
        self._page(found).write(self.folder / REPORT_FILE)
        return found

    def measured(self, progress: Progress = lambda done: None) -> list[Line]:
        """As `run`, without the table and the page."""
        self.settings.check_keys(list(points(self.sweep)))
        self._claim()
        lines = {line["id"]: line for line in self._done()}
        tasks, finished = self._tasks(lines)
        with (self.folder / "points.jsonl").open("a", encoding="utf-8") as file:
            for number, task in enumerate(tasks, start=1):
                if task.id not in lines:
                    line = self.settings.measure(task)
                    lines[line["id"]] = line
                    file.write(json.dumps(line, allow_nan=False) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                progress(number)
        return finished()

    def page(self) -> Page:
        """The page of what has been measured so far."""
        lines = {line["id"]: line for line in self._done()}
        tasks, finished = self._tasks(lines)
        if self.sweep.search == "sequential":  # who left is found by looking again
            for task in tasks:
                if task.id not in lines:
                    break
        return self._page(finished())

    def _page(self, lines: Sequence[Line]) -> Page:
        return lab_page(self.sweep, lines, self.graphs(), config_text(self.settings.experiment()))

    def graphs(self) -> dict[str, OversightGraph]:
        """The topologies compared, by arm, as the config had them before any key was swept."""
        kept = json.loads(read_text(self.folder / GRAPHS))
        return {name: from_node_link(graph, name) for name, graph in kept.items()}

    def _tasks(self, lines: dict[str, Any]) -> tuple[Iterator[Task], Callable[[], list[Line]]]:
        """What is to be measured, given what has been, and every setting's line when that is done."""
        todo, spec = list(points(self.sweep)), self.settings.experiment()
        assert isinstance(spec.dataset, SimulatedData)
        whole = spec.dataset.size

        def as_measured() -> list[Line]:
            return list(lines.values())

        match self.sweep.search:
            case "all":
                return everything(todo, lambda point: self.settings.size(point, whole)), as_measured
            case "halving":
                return halving(todo, whole, self.sweep, lines), as_measured
            case "sequential":
                search = Sequential(self.sweep, todo, self.settings.names(), whole)
                return search.tasks(lines), lambda: merged(search, lines.values())

    def _claim(self) -> None:
        files = {
            SWEEP: self.sweep.model_dump_json(indent=1),
            CONFIG: config_text(self.settings.experiment()),
            GRAPHS: graphs_text({arm.name: arm.plan.graph for arm in self.settings.able()}),
        }
        claim(self.folder, files, "sweep")

    def _done(self) -> list[Line]:
        """The settings measured before; a last line that was cut off is measured again."""
        path = self.folder / "points.jsonl"
        if not path.is_file():
            return []
        whole = [line for line in read_text(path).splitlines(keepends=True) if line.endswith("\n")]
        path.write_text("".join(whole), encoding="utf-8")
        return [json.loads(line) for line in whole]


def kept_page(folder: Path) -> Page:
    """The page of a sweep from its folder alone. Raises InputError."""
    sweep = load_sweep(folder / SWEEP)
    return Sweeper(sweep.model_copy(update={"config": CONFIG}), folder, folder).page()
