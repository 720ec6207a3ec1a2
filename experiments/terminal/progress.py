"""Progress: what a run is doing, how fast, and how long it will take; bars on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars


class Progress:
    """Shows one stage after another. Off a terminal, a line when a stage begins and one when it ends."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, title: str, total: int, unit: str = "cases") -> Iterator[Callable[[int], None]]:
        """A stage of `total` units; the callable it gives takes how many are done so far."""
        started = time.monotonic()
        if not self.console.is_terminal:
            yield lambda done: None
        else:
            with self._bars(unit) as bars:
                task = bars.add_task(title, total=max(total, 1), rate="")

                def advance(done: int) -> None:
                    rate = done / max(time.monotonic() - started, 1e-9)
                    bars.update(task, completed=min(done, total), rate=f"{rate:,.0f} {unit}/s")

                yield advance
                bars.update(task, completed=max(total, 1))
        taken = time.monotonic() - started
        self.seconds[title] = self.seconds.get(title, 0.0) + taken
        if not self.console.is_terminal:
            self.console.print(f"{title}: {total:,} {unit} in {taken:.1f} s", highlight=False)

    def by_arm(self, arms: Sequence[str]) -> dict[str, float]:
        """Seconds spent on stages whose title starts with the arm's name."""
        return {arm: sum(s for title, s in self.seconds.items() if title.startswith(f"{arm}:")) for arm in arms}

    def _bars(self, unit: str) -> Bars:
        return Bars(
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
        )
