"""A sweep: many settings, one line of results each, resumable; a setting that fails is told and the rest goes on."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents import rng
from constitutions.errors import InputError, OversightError
from constitutions.files import read_text
from experiments.config import ExperimentSpec, SimulatedData, load_experiment
from experiments.lab.commands import DEFAULT, named_arms
from experiments.lab.compare import rates
from experiments.lab.plan import Point, SweepSpec, points
from experiments.lab.simulate import simulate
from experiments.lab.tally import METRICS
from experiments.prepare import prepare_arms, resolve_auditor
from experiments.report.lab import write_lab_report
from hierarchy.graph import OversightGraph

SHARES = (*METRICS, "audited", "first_violating")
MEANS = ("minutes_per_case", "calls_per_case", "cost_per_case")
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
        todo = list(points(self.sweep))
        self._check_keys(todo[0])
        self._claim()
        lines = {line["id"]: line for line in self._done()}
        with (self.folder / "points.jsonl").open("a", encoding="utf-8") as file:
            for number, (point, first, size) in enumerate(self._schedule(todo, lines), start=1):
                if _id(point, first, size) not in lines:
                    line = self._measure(point, first, size)
                    lines[line["id"]] = line
                    file.write(json.dumps(line, allow_nan=False) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                progress(number)
        found = list(lines.values())
        write_csv(self.folder / "results.csv", found)
        write_lab_report(self.folder, self.sweep.name, self.sweep.question, found, self.graphs())
        return found

    def graphs(self) -> dict[str, OversightGraph]:
        """The topologies compared, by arm, as the config has them before any key is swept."""
        spec = self._experiment([])
        arms = named_arms(spec, self.sweep.topologies) if self.sweep.topologies else prepare_arms(spec)
        return {arm.name: arm.plan.graph for arm in arms}

    def _schedule(self, todo: Sequence[Point], lines: dict[str, Any]) -> Iterator[tuple[Point, int, int]]:
        """(setting, first case, cases); halving looks at what has been measured so far."""
        spec = self._experiment([])
        assert isinstance(spec.dataset, SimulatedData)
        if self.sweep.search == "all":
            yield from ((point, 0, self._size(point, spec.dataset.size)) for point in todo)
            return
        alive, size = list(todo), max(1, spec.dataset.size // max(1, len(todo)))
        while len(alive) > 1:
            yield from ((point, 0, size) for point in alive)
            ranked = sorted(alive, key=lambda point: _score(lines[_id(point, 0, size)], self.sweep.metric))
            alive, size = ranked[: -(-len(alive) // 2)], 2 * size
        yield alive[0], 2 * size, spec.dataset.size  # beyond every case that chose it

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
        path = self.folder / "sweep.json"
        if path.is_file() and read_text(path) != text:
            raise InputError(f"{self.folder}: holds another sweep; give another --out, or remove it")
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _done(self) -> list[dict[str, Any]]:
        """The settings measured before; a last line that was cut off is measured again."""
        path = self.folder / "points.jsonl"
        if not path.is_file():
            return []
        whole = [line for line in read_text(path).splitlines(keepends=True) if line.endswith("\n")]
        path.write_text("".join(whole), encoding="utf-8")
        return [json.loads(line) for line in whole]

    def _measure(self, point: Point, first: int, size: int) -> dict[str, Any]:
        line: dict[str, Any] = {
            "id": _id(point, first, size),
            "values": point.values,
            "seed": point.seed,
            "first": first,
            "cases": size,
        }
        try:
            spec = self._experiment(point.overrides())
            override = spec.dataset.override if isinstance(spec.dataset, SimulatedData) else 0.0
            arms = named_arms(spec, self.sweep.topologies) if self.sweep.topologies else prepare_arms(spec)
            people = {
                arm.name: resolve_auditor(spec, arm.name) if arm.name in spec.arms else spec.auditor for arm in arms
            }
            found = simulate(arms, size, people, first=first, override=override, prices=spec.prices)
        except OversightError as error:
            return {**line, "failed": str(error)}
        return {**line, "arms": {name: rates(tally) for name, tally in found.tallies.items()}}


def write_csv(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """A row per setting and arm: the swept keys, seed, cases, every share with its interval, the means, the failure."""
    keys = list(dict.fromkeys(key for line in lines for key in line["values"]))
    head = [*keys, "seed", "first", "cases", "arm"]
    head += [f"{name}{end}" for name in (*SHARES, *MEANS) for end in ("", "_low", "_high")] + ["failed"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for line in lines:
            start = [*(line["values"].get(key) for key in keys), line["seed"], line["first"], line["cases"]]
            if "failed" in line:
                writer.writerow([*start, *[""] * (len(head) - len(start) - 1), line["failed"]])
            for arm, found in line.get("arms", {}).items():
                cells = [found.get(name, {}).get(end) for name in (*SHARES, *MEANS) for end in ("value", "low", "high")]
                writer.writerow([*start, arm, *cells, ""])


def _id(point: Point, first: int, size: int) -> str:
    return f"{int(rng.key(point.model_dump_json(), first, size)[0]):016x}"


def _score(line: dict[str, Any], metric: str) -> float:
    """The best arm's metric; a setting that failed is last."""
    return min((found[metric]["value"] for found in line.get("arms", {}).values()), default=float("inf"))
