"""What a sweep measures next: every setting, the better half again, or whoever is not beaten yet."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import rng
from experiments.lab.plan import BETTER, Point, SweepSpec
from experiments.lab.pooled import told
from experiments.lab.race import Left, Race

Lines = Mapping[str, Mapping[str, Any]]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Task:
    """A setting on `size` cases from number `first` on; of `whole` cases where it is one of several parts, and then of
    some `arms` only (None: all)."""

    point: Point
    first: int
    size: int
    whole: int | None = None
    arms: tuple[str, ...] | None = None

    @property
    def id(self) -> str:
        """What its line is known by."""
        return f"{int(rng.key(self.point.model_dump_json(), self.first, self.size)[0]):016x}"


def everything(todo: Sequence[Point], size: Callable[[Point], int]) -> Iterator[Task]:
    """Every setting once."""
    yield from (Task(point, 0, size(point)) for point in todo)


def halving(todo: Sequence[Point], whole: int, sweep: SweepSpec, lines: Lines) -> Iterator[Task]:
    """The better half again on twice the cases, and the winner on fresh ones; looks at what has been measured. A
    setting is ranked by the mean over its seeds, and stays or goes with all of them."""
    alive, size = list(by_setting(todo).values()), max(1, whole // max(1, len(todo)))
    while len(alive) > 1:
        yield from (Task(point, 0, size) for points in alive for point in points)
        ranked = sorted(alive, key=lambda points: fmean(_score(lines[Task(p, 0, size).id], sweep) for p in points))
        alive, size = ranked[: -(-len(alive) // 2)], 2 * size
    yield from (Task(point, 2 * size, whole) for point in alive[0])  # beyond every case that chose it


def by_setting(todo: Sequence[Point]) -> dict[str, list[Point]]:
    """The points of every setting, one per seed."""
    found: dict[str, list[Point]] = {}
    for point in todo:
        found.setdefault(setting(point.values), []).append(point)
    return found


def _score(line: Mapping[str, Any], sweep: SweepSpec) -> float:
    """The best arm's metric; a setting that failed is last."""
    sign = 1 if BETTER[sweep.metric] == "lower" else -1
    return min((sign * found[sweep.metric]["value"] for found in line.get("arms", {}).values()), default=float("inf"))


class Sequential:
    """A sequential search: settings in blocks of cases, a race between all of them and their arms."""

    def __init__(self, sweep: SweepSpec, todo: Sequence[Point], arms: Sequence[str], whole: int) -> None:
        self.sweep, self.arms, self.whole = sweep, tuple(arms), whole
        self.settings = by_setting(todo)
        names = tuple(runner(key, arm) for key in self.settings for arm in self.arms)
        self.race = Race(names, sweep.alpha)

    def tasks(self, lines: Lines) -> Iterator[Task]:
        """What is to be measured, a look after another, until one is left or the cases are used up."""
        ends = np.linspace(0, self.whole, self.sweep.looks + 1).astype(int).tolist()
        for start, end in pairwise(ends):
            now = [task for key in self.settings for task in self._of(key, start, end)] if end > start else []
            yield from now
            self._look(now, lines)
            if len(self.race.running) <= 1:
                return

    def left(self, values: Mapping[str, Any], arm: str) -> Left | None:
        """When and why a setting's arm left, as far as the tasks have been gone through."""
        return self.race.left.get(runner(setting(values), arm))

    def _of(self, key: str, start: int, end: int) -> list[Task]:
        arms = tuple(arm for arm in self.arms if runner(key, arm) not in self.race.left)
        points = self.settings[key] if arms else []
        return [Task(p, i * self.whole + start, end - start, self.whole, arms) for i, p in enumerate(points)]

    def _look(self, now: Sequence[Task], lines: Lines) -> None:
        flags: dict[str, list[Bools]] = {}
        for task in now:
            line, key = lines[task.id], setting(task.point.values)
            if "failed" in line:
                self.race.withdraw([runner(key, arm) for arm in self.arms])
            self.race.withdraw([runner(key, arm) for arm in line.get("failed_arms", {})])
            for arm, packed in line.get("bits", {}).items():
                flags.setdefault(runner(key, arm), []).append(unpacked(packed, task.size))
        running = self.race.running
        self.race.look({name: np.concatenate(parts) for name, parts in flags.items() if name in running})


def setting(values: Mapping[str, Any]) -> str:
    """A setting's key, the same for all its seeds."""
    return json.dumps(dict(values), sort_keys=True)


def runner(key: str, arm: str) -> str:
    """A setting's arm, in words."""
    return "; ".join(part for part in (told(json.loads(key)), arm) if part)


def packed(flag: Bools) -> str:
    """Flags as text, eight to a byte."""
    return base64.b64encode(np.packbits(flag).tobytes()).decode()


def unpacked(text: str, count: int) -> Bools:
    """The first `count` flags of a text."""
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=count).astype(bool)
