"""A sweep: many settings, one line of results each, resumable; a setting that fails is told and the rest goes on."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.figures import Estimate, Proportion
from constitutions.errors import InputError, OversightError
from constitutions.files import read_text
from experiments.config import ExperimentSpec, SimulatedData, load_experiment
from experiments.folder import config_text
from experiments.lab.arms import DEFAULT, arms_of
from experiments.lab.compare import rates
from experiments.lab.plan import BETTER, SWEEP, Point, SweepSpec, load_sweep, points
from experiments.lab.schedule import Sequential, Task, everything, halving, packed
from experiments.lab.simulate import simulate
from experiments.lab.tally import METRICS, Flags, Tally
from experiments.prepare import resolve_auditor
from experiments.report.lab import lab_page
from experiments.report.page import Page
from experiments.report.report import REPORT_FILE
from experiments.statistics import mean_sequence, share_sequence
from hierarchy.audit.auditors import AuditorSpec, SimulatedAuditorSpec
from hierarchy.graph import OversightGraph

SHARES = (*METRICS, "audited", "first_violating")
CONFIG = "config.yaml"
MEANS = ("minutes_per_case", "calls_per_case", "cost_per_case")
Bools = NDArray[np.bool_]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Sweeper:
    """A sweep and the folder that keeps it: `sweep.json`, `points.jsonl` (a line per setting), `results.csv` and
    `report.html`."""

    sweep: SweepSpec
    beside: Path
    folder: Path

    def run(self, progress: Progress = lambda done: None) -> list[dict[str, Any]]:
        """All settings, or those that are left; returns every setting's line. Raises InputError before anything is
        written: for a key that does not exist, and for a folder that holds another sweep."""
        found = self.measured(progress)
        write_csv(self.folder / "results.csv", found)
        lab_page(self.sweep, found, self.graphs()).write(self.folder / REPORT_FILE)
        return found

    def measured(self, progress: Progress = lambda done: None) -> list[dict[str, Any]]:
        """As `run`, without the table and the page."""
        self._check_keys(next(points(self.sweep)))
        self._claim()
        lines = {line["id"]: line for line in self._done()}
        tasks, finished = self._tasks(lines)
        with (self.folder / "points.jsonl").open("a", encoding="utf-8") as file:
            for number, task in enumerate(tasks, start=1):
                if task.id not in lines:
                    line = self._measure(task)
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
        return lab_page(self.sweep, finished(), self.graphs())

    def graphs(self) -> dict[str, OversightGraph]:
        """The topologies compared, by arm, as the config has them before any key is swept."""
        spec = self._experiment([])
        arms = arms_of(spec, self.sweep.topologies)
        return {arm.name: arm.plan.graph for arm in arms}

    def _tasks(self, lines: dict[str, Any]) -> tuple[Iterator[Task], Callable[[], list[dict[str, Any]]]]:
        """What is to be measured, given what has been, and every setting's line when that is done."""
        todo, spec = list(points(self.sweep)), self._experiment([])
        assert isinstance(spec.dataset, SimulatedData)
        whole = spec.dataset.size

        def as_measured() -> list[dict[str, Any]]:
            return list(lines.values())

        match self.sweep.search:
            case "all":
                return everything(todo, lambda point: self._size(point, whole)), as_measured
            case "halving":
                return halving(todo, whole, self.sweep, lines), as_measured
            case "sequential":
                search = Sequential(self.sweep, todo, list(self.graphs()), whole)
                return search.tasks(lines), lambda: merged(search, lines.values())

    def _size(self, point: Point, otherwise: int) -> int:
        """How many cases a setting asks for: it may be what is swept."""
        try:
            dataset = self._experiment(point.overrides()).dataset
        except OversightError:  # told when the setting is measured
            return otherwise
        assert isinstance(dataset, SimulatedData)
        return dataset.size

    def _experiment(self, overrides: Sequence[str]) -> ExperimentSpec:
        path = next(
            (p for p in (self.beside / self.sweep.config, DEFAULT.parent / self.sweep.config) if p.is_file()), None
        )
        if path is None:
            raise InputError(
                f"config: {self.sweep.config!r}: no such file beside the sweep or among the shipped configs"
            )
        spec = load_experiment(path, overrides)
        if not isinstance(spec.dataset, SimulatedData):
            raise InputError(
                f"config: {self.sweep.config}: dataset.kind is {spec.dataset.kind!r}; a sweep takes `simulated`"
            )
        return spec

    def _check_keys(self, point: Point) -> None:
        self._experiment([])
        for key, value in point.values.items():
            self._experiment(Point(values={key: value}, seed=point.seed).overrides())

    def _claim(self) -> None:
        text = self.sweep.model_dump_json(indent=1)
        path = self.folder / SWEEP
        if path.is_file() and read_text(path) != text:
            raise InputError(f"{self.folder}: holds another sweep; give another --out, or remove it")
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        (self.folder / CONFIG).write_text(config_text(self._experiment([])), encoding="utf-8")

    def _done(self) -> list[dict[str, Any]]:
        """The settings measured before; a last line that was cut off is measured again."""
        path = self.folder / "points.jsonl"
        if not path.is_file():
            return []
        whole = [line for line in read_text(path).splitlines(keepends=True) if line.endswith("\n")]
        path.write_text("".join(whole), encoding="utf-8")
        return [json.loads(line) for line in whole]

    def _measure(self, task: Task) -> dict[str, Any]:
        line: dict[str, Any] = {
            "id": task.id,
            "values": task.point.values,
            "seed": task.point.seed,
            "first": task.first,
            "cases": task.size,
        }
        flags: dict[str, list[Bools]] = {}

        def listen(arm: str, found: Flags) -> None:
            flags.setdefault(arm, []).append(self._worse(found[self.sweep.metric]))

        try:
            spec = self._experiment(task.point.overrides())
            override = spec.dataset.override if isinstance(spec.dataset, SimulatedData) else 0.0
            arms = [arm for arm in arms_of(spec, self.sweep.topologies) if task.arms is None or arm.name in task.arms]
            people = {
                arm.name: resolve_auditor(spec, arm.name) if arm.name in spec.arms else spec.auditor for arm in arms
            }
            run = partial(simulate, override=override, prices=spec.prices)
            if task.whole is None:
                found = run(arms, task.size, people, first=task.first)
                return {**line, "arms": {name: rates(tally) for name, tally in found.tallies.items()}}
            people = {name: part_of(person, task, task.whole) for name, person in people.items()}
            found = run(arms, task.size, people, first=task.first, listen=listen)
        except OversightError as error:
            return {**line, "failed": str(error)}
        return {
            **line,
            "tallies": {name: tally.plain() for name, tally in found.tallies.items()},
            "bits": {name: packed(np.concatenate(parts)) for name, parts in flags.items()},
        }

    def _worse(self, flag: Bools) -> Bools:
        """The metric as a flag of what is worse."""
        return flag if BETTER[self.sweep.metric] == "lower" else ~flag


def part_of(person: AuditorSpec, task: Task, whole: int) -> AuditorSpec:
    """The auditor for a part of the cases: its share of the budget, such that the shares add up."""
    if not isinstance(person, SimulatedAuditorSpec):
        return person
    start = task.first % whole
    share = person.budget * (start + task.size) // whole - person.budget * start // whole
    return person.model_copy(update={"budget": share})


def merged(search: Sequential, lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line per setting and seed of a sequential search, from those of its parts: rates of every arm on the cases it
    had, `left` by arm, and `early`: the rates on the first look's cases, the same for every setting."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        groups.setdefault(json.dumps([line["values"], line["seed"]], sort_keys=True), []).append(line)
    return [_merged(search, some) for some in groups.values()]


def _merged(search: Sequential, some: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first = min(some, key=lambda line: int(line["first"]))
    made = {key: first[key] for key in ("id", "values", "seed", "first")} | {"sequential": True}
    made["cases"] = sum(line["cases"] for line in some if "failed" not in line)
    failures = [line["failed"] for line in some if "failed" in line]
    if failures:
        return {**made, "failed": failures[0]}
    totals: dict[str, Tally] = {}
    for line in some:
        for arm, counts in line["tallies"].items():
            totals.setdefault(arm, Tally()).add(Tally(**counts))
    left = {arm: search.left(first["values"], arm) for arm in totals}
    early = {arm: rates(Tally(**counts)) for arm, counts in first["tallies"].items()}
    return {
        **made,
        "arms": {arm: anytime(rates(tally)) for arm, tally in totals.items()},
        "left": {arm: vars(one) for arm, one in left.items() if one is not None},
        "early": early,
    }


def anytime(found: dict[str, Any]) -> dict[str, Any]:
    """The same rates with intervals that hold at all looks at once."""
    n = found["n"]
    figures: dict[str, Estimate | Proportion] = {name: share_sequence(found[name]["count"], n) for name in SHARES}
    for name in (mean for mean in MEANS if mean in found):
        one = found[name]
        figures[name] = mean_sequence(one["total"], one["squares"], n, one["unit"])
    ends = {name: {**found[name], "low": figure.low, "high": figure.high} for name, figure in figures.items()}
    return {**{key: value for key, value in found.items() if key != "override_success"}, **ends}


def kept_page(folder: Path) -> Page:
    """The page of a sweep from its folder alone. Raises InputError."""
    sweep = load_sweep(folder / SWEEP)
    return Sweeper(sweep.model_copy(update={"config": CONFIG}), folder, folder).page()


def write_csv(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """A row per setting and arm: the swept keys, seed, cases, every share with its interval, the means, the failure."""
    keys = list(dict.fromkeys(key for line in lines for key in line["values"]))
    head = [*keys, "seed", "first", "cases", "arm"]
    head += [f"{name}{end}" for name in (*SHARES, *MEANS) for end in ("", "_low", "_high")]
    head += ["left_after", "beaten_by", "p_anytime", "failed"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for line in lines:
            start = [*(line["values"].get(key) for key in keys), line["seed"], line["first"]]
            if "failed" in line:
                writer.writerow([*start, line["cases"], *[""] * (len(head) - len(start) - 2), line["failed"]])
            for arm, found in line.get("arms", {}).items():
                cells = [found.get(name, {}).get(end) for name in (*SHARES, *MEANS) for end in ("value", "low", "high")]
                left = line.get("left", {}).get(arm, {"cases": "", "by": "", "p": ""})
                writer.writerow([*start, found["n"], arm, *cells, *left.values(), ""])
