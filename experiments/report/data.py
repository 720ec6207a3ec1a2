"""The data behind a page: a CSV file for every table and figure, written beside the page that links it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from agents.figures import Estimate, Proportion, Record
from constitutions.files import write_atomically
from experiments.report.columns import ARM_COLUMNS, LOAD_COLUMNS, MODEL_COLUMNS
from experiments.results.arms import Comparison, DrawnEdge, DrawnNode
from experiments.results.figures import CreditResult
from experiments.results.run import RunResults

FOLDER = "data"
Figure = Estimate | Proportion
FIGURE = ("value", "low", "high", "count", "n")


class Drawable(Protocol):
    """What can be drawn: an arm with a title, a description and its graph."""

    @property
    def title(self) -> str:
        """Its heading."""

    @property
    def description(self) -> str:
        """A paragraph."""

    @property
    def nodes(self) -> tuple[DrawnNode, ...]:
        """Its nodes."""

    @property
    def edges(self) -> tuple[DrawnEdge, ...]:
        """Its edges."""


@dataclass(frozen=True, slots=True)
class Data:
    """A table: its columns' names, and rows of as many cells; None is an empty cell."""

    head: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def text(self) -> str:
        """As CSV."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.head)
        writer.writerows([_inert(cell) for cell in row] for row in self.rows)
        return out.getvalue()


def _inert(cell: Any) -> Any:
    """The cell, with an apostrophe before a text that a spreadsheet would take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def write_data(beside: Path, tables: Mapping[str, Data]) -> None:
    """Write `data/NAME.csv` into the folder `beside` for every table by name."""
    if tables:
        (beside / FOLDER).mkdir(exist_ok=True)
    for name, table in tables.items():
        write_atomically(beside / FOLDER / f"{name}.csv", table.text())


def cells(figure: Figure | None) -> tuple[Any, ...]:
    """A figure's value, ends, count and n."""
    if figure is None:
        return (None,) * len(FIGURE)
    counts = (figure.count, figure.n) if isinstance(figure, Proportion) else (None, None)
    return (figure.value, figure.low, figure.high, *counts)


def figures(head: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> Data:
    """A table of figures: columns `head`, then `FIGURE`; every row ends with its figure. Rows without one are left
    out."""
    return Data((*head, *FIGURE), tuple((*row[:-1], *cells(row[-1])) for row in rows if row[-1] is not None))


def run_data(results: RunResults) -> dict[str, Data]:
    """Everything a run's page shows, by name; what the run has nothing of is left out."""
    tables = {
        "arms": _arms(results),
        "graphs": graphs({arm.arm: arm for arm in results.arms}),
        "comparisons": comparisons(results.comparisons),
        "gaps": figures(
            ("weak", "supervised", "ceiling", "metric"),
            [(gap.weak, gap.supervised, gap.ceiling, gap.metric, gap.recovered) for gap in results.gaps],
        ),
        "residuals": figures(
            ("arm", "released", "drawn", "answered", "found", "human_minutes", "estimate"),
            [
                (one.arm, one.released, one.drawn, one.answered, one.found, one.minutes, name, getattr(one, name))
                for one in results.residuals
                for name in ("headline", "exact", "corrected")
            ],
        ),
        "front": _front(results),
        "credit": credit(results.credit),
        "reviewers": _reviewers(results),
        "budgets": figures(
            ("arm", "budget", "threshold", "metric"),
            [
                (arm.arm, point.budget, point.threshold, name, getattr(point, name))
                for arm in results.arms
                for point in arm.budgets
                for name in ("safety", "usefulness")
            ],
        ),
        "models": _models(results),
        "training": Data(
            ("arm", "stage", "rows", "seconds", "step", "loss"),
            tuple((t.arm, t.stage, t.rows, t.seconds, at.step, at.loss) for t in results.training for at in t.curve),
        ),
        "labels": figures(
            ("model", "source", "prompts", "label"),
            [
                (r.model, r.source, r.prompts, label, rate)
                for r in results.label_rates
                for label, rate in r.rates.items()
            ],
        ),
        "raters": _raters(results),
        "ladder": _ladder(results),
        "crew": records(results.crew),
        "versions": Data(("package", "version"), tuple(results.versions.items())),
    }
    return {name: table for name, table in tables.items() if table.rows}


def records(some: Sequence[Record]) -> Data:
    """Plain records as rows; a list in a cell is joined."""
    rows = [one.model_dump(mode="json") for one in some]
    head = tuple(rows[0]) if rows else ()
    return Data(head, tuple(tuple(_joined(row[name]) for name in head) for row in rows))


def _joined(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list) else value


def graphs(arms: Mapping[str, Drawable]) -> Data:
    """The edges that are drawn, by arm, with the roles of their ends."""
    rows = []
    for name, arm in arms.items():
        roles = {node.id: node.role for node in arm.nodes}
        rows += [(name, e.source, roles[e.source], e.target, roles[e.target], e.label, e.back) for e in arm.edges]
    return Data(("arm", "source", "source_role", "target", "target_role", "label", "back"), tuple(rows))


def comparisons(some: Sequence[Comparison]) -> Data:
    """Paired differences, a row each."""
    head = ("name", "a", "b", "metric", "split", "planned", "difference", "low", "high", "n", "only_a", "only_b")
    return Data(
        (*head, "p", "p_holm", "variance_ratio", "detectable", "method"),
        tuple(
            (
                *(c.name, c.a, c.b, c.metric, c.split, c.planned),
                *(c.difference.value, c.difference.low, c.difference.high, c.n, c.only_a, c.only_b),
                *(c.p, c.p_holm, c.variance_ratio, c.detectable, c.method),
            )
            for c in some
        ),
    )


def credit(some: Sequence[CreditResult]) -> Data:
    """Every overseer's part, and the metric with everybody and nobody asked."""
    rows: list[tuple[Any, ...]] = []
    for one in some:
        known = (one.arm, one.metric, one.n, one.coalitions)
        rows += [(*known, "everybody", "level", None, one.everybody), (*known, "nobody", "level", None, one.nobody)]
        for part in one.credit:
            rows.append((*known, part.overseer, "shapley", part.standard_error, part.shapley))
            rows.append((*known, part.overseer, "leave_one_out", None, part.leave_one_out))
    made = figures(("arm", "metric", "cases", "coalitions", "overseer", "part", "standard_error"), rows)
    return Data(made.head[:-2], tuple(row[:-2] for row in made.rows))


def _arms(results: RunResults) -> Data:
    rows: list[tuple[Any, ...]] = []
    for arm in results.arms:
        rows += [(arm.arm, arm.title, name, pick(arm)) for name, pick in {**ARM_COLUMNS, **LOAD_COLUMNS}.items()]
        rows += [(arm.arm, arm.title, f"outcome {name}", rate) for name, rate in arm.outcomes.items()]
        missed = arm.missed.principles if arm.missed else {}
        rows += [(arm.arm, arm.title, f"missed {name}", rate) for name, rate in missed.items()]
        rows.append((arm.arm, arm.title, "helpfulness_kept", arm.helpfulness_kept))
        rows += [(arm.arm, arm.title, f"{name} per case", mean) for name, mean in arm.per_case.items()]
        totals = {name: getattr(arm, name) for name in ("human_minutes", "model_calls", "tokens", "seconds")}
        rows += [
            (arm.arm, arm.title, name, Estimate(value=total, low=None, high=None))
            for name, total in totals.items()
            if total is not None
        ]
    return figures(("arm", "title", "metric"), rows)


def _front(results: RunResults) -> Data:
    front = results.front
    if front is None:
        return Data((), ())
    beaten = {arm.arm: front.dominated.get(arm.arm, ()) for arm in results.arms}
    rows = tuple((arm, arm in front.arms, " ".join(by)) for arm, by in beaten.items())
    return Data(("arm", "on_front", "dominated_by"), rows)


def _reviewers(results: RunResults) -> Data:
    rows: list[tuple[Any, ...]] = []
    for arm in results.arms:
        if arm.agreement:
            names = " ".join(arm.agreement.raters)
            rows += [(arm.arm, names, name, arm.agreement.units, getattr(arm.agreement, name)) for name in _AGREEMENT]
        rows += [
            (arm.arm, one.step, name, one.n, getattr(one, name)) for one in arm.calibration for name in _CALIBRATED
        ]
        for judge in arm.judges:
            known = (arm.arm, judge.step)
            rows += [(*known, f"score difference, {name}", judge.n, getattr(judge, name)) for name in _JUDGED]
    made = figures(("arm", "reviewers", "metric", "verdicts"), rows)
    return Data(made.head[:-2], tuple(row[:-2] for row in made.rows))


_AGREEMENT = ("alpha", "fleiss")
_JUDGED = ("log", "probability")
_CALIBRATED = ("ece_width", "ece_mass", "brier", "auroc")


def _models(results: RunResults) -> Data:
    rows: list[tuple[Any, ...]] = []
    for model in results.evaluations:
        known = (model.split, model.model, model.chosen)
        rows += [(*known, name, pick(model)) for name, pick in MODEL_COLUMNS.items()]
        rows += [(*known, f"violates {name}", rate) for name, rate in model.violations.principles.items()]
        rows += [(*known, f"{name}: after / before", ratio) for name, ratio in model.ratios.items()]
        rows += [(*known, f"{name}: after - before", change) for name, change in model.changes.items()]
    return figures(("split", "model", "chosen", "metric"), rows)


def _raters(results: RunResults) -> Data:
    rows: list[tuple[Any, ...]] = []
    for r in results.raters:
        known = (r.model, r.rater, r.reference)
        rows += [(*known, "accuracy", "", "", r.accuracy), (*known, "kappa", "", "", r.kappa)]
        for label, counts in zip(r.labels, r.confusion, strict=True):
            rows += [(*known, "count", label, other, _count(k)) for other, k in zip(r.labels, counts, strict=True)]
        rows += [(*known, "missing", "", "", _count(r.missing))]
        rows += [(*known, "reference missing", "", "", _count(r.reference_missing))]
    return figures(("model", "rater", "reference", "metric", "reference_label", "rater_label"), rows)


def _count(count: int) -> Estimate:
    return Estimate(value=count, low=None, high=None)


def _ladder(results: RunResults) -> Data:
    ladder = results.ladder
    if ladder is None:
        return Data((), ())
    rows: list[tuple[Any, ...]] = [
        (a, "", "accuracy", rate) for a, rate in zip(ladder.names, ladder.accuracy, strict=True)
    ]
    for a, row in zip(ladder.names, ladder.correlation, strict=True):
        rows += [(a, b, "phi", phi) for b, phi in zip(ladder.names, row, strict=True) if a != b]
    return figures(("critic", "other", "metric"), rows)
