"""Figures of training as exact means, and of held-out rows: the same objective, without learning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from training import ranks
from training.batching import Batch
from training.objectives import Figures, Objective, StepObjective

Measure = Callable[[Any], Mapping[str, float]]
"""Called with the model in evaluation mode; gives figures by name. An oracle comes in this way."""


class Meter:
    """Adds figures up over batches, steps and processes; a mean is the sum of what was counted over how many."""

    def __init__(self) -> None:
        self._figures: list[Figures] = []

    def add(self, figures: Figures) -> None:
        """Keep one batch's figures, on their device."""
        self._figures.append(figures)

    def read(self, device: torch.device | str = "cpu") -> dict[str, float]:
        """The means since the last reading, over all processes; figures of which nothing was counted are left out."""
        found, self._figures = self._figures, []
        names = list(found[0]) if found else []
        totals = [float(torch.stack([figures[name].total.float() for figures in found]).sum()) for name in names]
        counts = [float(sum(figures[name].over for figures in found)) for name in names]
        added = ranks.total([*totals, *counts], device)
        return {n: t / c for n, t, c in zip(names, added[: len(names)], added[len(names) :], strict=True) if c}


def held_out_figures(
    model: Any,
    objective: Objective,
    batches: Iterable[Batch],
    prepare: Callable[[Batch], Batch],
) -> dict[str, float]:
    """`loss` and the objective's figures over held-out rows, as if they were one batch; without gradients."""
    read: Sequence[Batch] = [prepare(batch) for batch in batches]
    for name in ("tokens", "pairs"):
        total = sum(batch[name] for batch in read)
        for batch in read:
            batch[f"step_{name}"] = max(total, 1.0)
    meter, loss = Meter(), 0.0
    if isinstance(objective, StepObjective):
        told = objective.prepare(model, read)
        for batch in read:
            batch.update(told)
    with torch.no_grad():
        for batch in read:
            part, figures = objective(model, batch)
            loss += float(part)
            meter.add(figures)
    return {"loss": loss} | meter.read()
