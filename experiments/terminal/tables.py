"""The results in the terminal: what the report says, in brief, in 80 columns: names wrap, figures are never cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.figures import Proportion
from experiments.report.answer import answer, arm_title
from experiments.report.columns import (
    ARM_COLUMNS,
    LOAD_COLUMNS,
    filled_arm_columns,
    filled_model_columns,
)
from experiments.report.wording import NONE, interval, number, p_value, points, words
from experiments.results.arms import ArmResult
from experiments.results.labels import RaterAgreement
from experiments.results.models import BEFORE, EvaluationResult
from experiments.results.run import RunResults
from experiments.terminal.layout import results_table, shown
from experiments.terminal.measure_tables import measure_tables
from hierarchy.audit.safe_text import visible

_HEADINGS = {
    "missed_violations": "missed",
    "missed_norms": "norms",
    "missed_truth": "truth",
    "false_alarms": "false\nalarms",
    "needless_refusals": "needless\nrefusals",
    "correct": "correct\nanswers",
    "violations": "violations",
    "norms": "norms",
    "truth": "truth",
    "override": "override",
    "escalated": "escalated",
    "audited": "audited",
    "unreviewed": "unreviewed",
}

# What fits; what the base did at first and what was caught of it are in the report.
_BRIEF = ("missed_violations", "missed_norms", "missed_truth", "false_alarms", "needless_refusals", "correct")


def print_results(results: RunResults, console: Console | None = None) -> None:
    """Print the answer and the tables that this run has something to say in."""
    console = console or Console()
    for sentence in answer(results):
        console.print(Text(visible(sentence)))
    for table in tables(results):
        console.print(table)


def tables(results: RunResults) -> tuple[Table, ...]:
    """The tables of a run, in the order printed; titles say what is counted."""
    found: list[Table] = []
    if filled_arm_columns(ARM_COLUMNS, results.arms):
        found.append(arm_table(results.arms))
    if results.comparisons:
        found.append(comparison_table(results))
    found += [label_table(results, prompts) for prompts in dict.fromkeys(r.prompts for r in results.label_rates)]
    if results.raters:
        found.append(rater_table(results.raters, results.arms))
    if results.arms:
        found.append(load_table(results.arms))
    found += measure_tables(results)
    test = [model for model in results.evaluations if model.split == "test"] or list(results.evaluations)
    if test:
        found.append(evaluation_table(test, results.arms))
    return tuple(found)


def arm_table(arms: Sequence[ArmResult]) -> Table:
    """What reached the user under every arm: a row per arm, shares in per cent with their intervals below."""
    columns = filled_arm_columns({key: ARM_COLUMNS[key] for key in _BRIEF}, arms)
    table = results_table(
        "What reached the user, % of cases (95 % interval)", "arm", [_HEADINGS[key] for key in columns]
    )
    for arm in arms:
        table.add_row(shown(arm.title), *(_share(column(arm)) for column in columns.values()))
    return table


def load_table(arms: Sequence[ArmResult]) -> Table:
    """Audit load, and what the run took in all: a row per arm."""
    columns = filled_arm_columns(LOAD_COLUMNS, arms)
    headings = [*(_HEADINGS[key] for key in columns), "human\nminutes", "seconds"]
    table = results_table("Audit load, % of cases", "arm", headings)
    for arm in arms:
        cost = (number(arm.human_minutes, 1), number(arm.seconds, 1))
        table.add_row(shown(arm.title), *(_share(column(arm), counts=True) for column in columns.values()), *cost)
    return table


def evaluation_table(models: Sequence[EvaluationResult], arms: Sequence[ArmResult]) -> Table:
    """The base before and after tuning: a row per model; a star marks the arm chosen on the validation split."""
    columns = filled_model_columns(models)
    title = f"The base alone on the {models[0].split} split, % (95 % interval; * chosen on validation)"
    table = results_table(title, "tuned on", [_HEADINGS[key] for key in columns])
    for model in models:
        name = "before" if model.model == BEFORE else arm_title(model.model, arms)
        table.add_row(shown(name + " *" * model.chosen), *(_share(column(model)) for column in columns.values()))
    return table


def comparison_table(results: RunResults) -> Table:
    """Differences on the same cases: a row per comparison; a star marks those named in advance."""
    headings = ["metric", "difference (95 %)", "p (Holm)", "variance\ncut by"]
    table = results_table("Comparisons on the same cases (* named in advance)", "", headings)
    for c in results.comparisons:
        names = f"{arm_title(c.a, results.arms)} − {arm_title(c.b, results.arms)}{' *' * c.planned}"
        plain = f"{number(c.difference.value, 2)} ({interval(c.difference, 1, 2)})"
        difference = (points(c.difference) if c.only_a is not None else plain).replace(" (", "\n(")
        cut = NONE if c.variance_ratio is None else f"{c.variance_ratio:.1f} ×"
        p = f"{p_value(c.p)}\n({p_value(c.p_holm)})"
        table.add_row(shown(names), shown(c.metric.replace("_", "\n", 1).replace("_", " ")), difference, p, cut)
    return table


def label_table(results: RunResults, prompts: str) -> Table:
    """Shares of labels on one kind of prompt: a row per model and source of the label."""
    rows = [rate for rate in results.label_rates if rate.prompts == prompts]
    labels = list(dict.fromkeys(label for row in rows for label in row.rates))
    title = f"{prompts.capitalize()} prompts, % of answers (95 % interval)"
    table = results_table(
        title, "model, label by", [visible(words(label)).replace(" ", "\n") for label in labels] + ["no label"]
    )
    for row in rows:
        name = f"{arm_title(row.model, results.arms)}, {row.source}"
        shares = (_share(row.rates.get(label)) for label in labels)
        table.add_row(shown(name), *shares, number(row.unsettled))
    return table


def rater_table(raters: Iterable[RaterAgreement], arms: Sequence[ArmResult]) -> Table:
    """Accuracy and Cohen's kappa of every rater: a row per model and rater."""
    table = results_table(
        "Agreement with the reference", "model, rater", ["reference", "accuracy %", "kappa", "no label"]
    )
    for rater in raters:
        kappa = f"{number(rater.kappa.value, 2)}\n{interval(rater.kappa, 1, 2)}"
        name = shown(f"{arm_title(rater.model, arms)}, {rater.rater}")
        table.add_row(name, shown(rater.reference), _share(rater.accuracy), kappa, number(rater.missing))
    return table


def _share(rate: Proportion | None, counts: bool = False) -> str:
    """A share over its interval, or over its count."""
    if rate is None or rate.value is None:
        return NONE
    below = f"{rate.count:,} of {rate.n:,}" if counts else f"{100 * rate.low:.1f}–{100 * rate.high:.1f}"
    return f"{100 * rate.value:.1f}\n{below}"
