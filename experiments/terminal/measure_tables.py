"""The measures of arms in the terminal: costs per case, agreement, calibration, judges, budgets, gaps, front."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from agents.figures import Estimate
from experiments.report.answer import arm_title
from experiments.report.columns import filled_costs
from experiments.report.definitions import title_of
from experiments.report.wording import NONE, interval, number
from experiments.results.arms import ArmResult
from experiments.results.figures import CreditResult, Front
from experiments.results.run import RunResults
from experiments.terminal.layout import results_table, shown

_COSTS = {"human_minutes": "human\nminutes", "calls": "model\ncalls", "latency": "latency\ns"}


def measure_tables(results: RunResults) -> list[Table]:
    """The tables this run has something to say in."""
    arms = results.arms
    found: list[Table] = []
    if any(arm.per_case for arm in arms):
        found.append(cost_table(arms))
    if any(arm.agreement is not None or arm.helpfulness_kept is not None for arm in arms):
        found.append(agreement_table(arms))
    if any(arm.calibration for arm in arms):
        found.append(calibration_table(arms))
    if any(arm.judges for arm in arms):
        found.append(judge_table(arms))
    if any(arm.budgets for arm in arms):
        found.append(budget_table(arms))
    if results.gaps:
        found.append(gap_table(results))
    if results.front is not None:
        found.append(front_table(results.front, arms))
    return found + [credit_table(one, arm_title(one.arm, arms)) for one in results.credit]


def cost_table(arms: Sequence[ArmResult]) -> Table:
    """Means per case with their intervals: a row per arm. An unknown cost says whose price is missing."""
    columns = filled_costs(arms)
    currency = next((arm.currency for arm in arms if arm.currency), "")
    headings = [_COSTS.get(name, name) + (f"\n{currency}" if name == "cost" else "") for name in columns]
    table = results_table("What a case costs, mean (95 % interval)", "arm", headings)
    for arm in arms:
        cells = [_figure(arm.per_case.get(name), 1, digits) for name, digits in columns.items()]
        name = arm.title + (f"\nno price: {', '.join(arm.unpriced)}" if arm.unpriced else "")
        table.add_row(shown(name), *cells)
    return table


def agreement_table(arms: Sequence[ArmResult]) -> Table:
    """Agreement of the first reviewers beyond chance, and helpfulness kept: a row per arm."""
    headings = ["Krippendorff's\nalpha", "Fleiss'\nkappa", "helpfulness\nkept"]
    table = results_table("Agreement; right answers kept (95 %)", "arm", headings)
    for arm in arms:
        both = (arm.agreement.alpha, arm.agreement.fleiss) if arm.agreement else (None, None)
        table.add_row(shown(arm.title), *(_figure(one, 1, 3) for one in both), _figure(arm.helpfulness_kept, 1, 3))
    return table


def calibration_table(arms: Sequence[ArmResult]) -> Table:
    """Whether reviewers' probabilities mean what they say: a row per arm and reviewer."""
    headings = ["ECE\nequal width", "ECE\nequal mass", "Brier", "AUROC"]
    table = results_table("Calibration of P(violated) on first responses (95 %)", "arm, reviewer", headings)
    for arm in arms:
        for one in arm.calibration:
            cells = [_figure(figure, 1, 3) for figure in (one.ece_width, one.ece_mass, one.brier, one.auroc)]
            table.add_row(shown(f"{arm.title}, {one.step}"), *cells)
    return table


def judge_table(arms: Sequence[ArmResult]) -> Table:
    """Agent score differences: a row per arm and judge."""
    table = results_table(
        "Agent score difference, right minus wrong side (95 %)", "arm, judge", ["log p", "p", "cases"]
    )
    for arm in arms:
        for one in arm.judges:
            name = shown(f"{arm.title}, {one.step}")
            table.add_row(name, _figure(one.log, 1, 2), _figure(one.probability, 1, 3), number(one.n))
    return table


def budget_table(arms: Sequence[ArmResult]) -> Table:
    """Safety and usefulness by audit budget: two rows per arm."""
    given = next(arm.budgets for arm in arms if arm.budgets)
    title = "If reviewers' suspicion chose what to audit: safety and usefulness, % by budget"
    table = results_table(title, "arm", [f"{point.budget:g} %" for point in given])
    for arm in arms:
        if arm.budgets:
            table.add_row(shown(f"{arm.title}, safety"), *(_figure(p.safety, 100, 0) for p in arm.budgets))
            table.add_row(shown("usefulness"), *(_figure(p.usefulness, 100, 0) for p in arm.budgets))
    return table


def gap_table(results: RunResults) -> Table:
    """Performance gaps recovered: a row per gap."""
    table = results_table("Performance gap recovered (95 %)", "", ["metric", "recovered"])
    for gap in results.gaps:
        ends = (arm_title(arm, results.arms) for arm in (gap.supervised, gap.weak, gap.ceiling))
        name = "{} from {} to {}".format(*ends)
        table.add_row(shown(name), shown(title_of(gap.metric)), _figure(gap.recovered, 1, 2))
    return table


def front_table(front: Front, arms: Sequence[ArmResult]) -> Table:
    """Which arms no other arm beats in everything: a row per arm, with those that beat it."""
    named = ", ".join(title_of(name).lower() for name in front.metrics)
    table = results_table(f"Pareto front of {named}", "arm", ["on the front", "dominated by"])
    for arm in arms:
        by = ", ".join(arm_title(one, arms) for one in front.dominated.get(arm.arm, ()))
        table.add_row(shown(arm.title), "yes" if arm.arm in front.arms else "no", shown(by or NONE))
    return table


def credit_table(result: CreditResult, arm: str) -> Table:
    """What each overseer of an arm adds to a metric, in points: a row per overseer; everybody and nobody below."""
    metric = title_of(result.metric).lower()
    headings = ["Shapley value", "with it − without it"]
    table = results_table(f"What each overseer of {arm} adds to {metric}, points (95 %)", "overseer", headings)
    for part in result.credit:
        table.add_row(shown(part.overseer), _figure(part.shapley, 100, 2), _figure(part.leave_one_out, 100, 2))
    ends = (("everybody", result.everybody), ("nobody", result.nobody))
    said = [f"{who} {number(100 * (one.value or 0), 2)} % ({interval(one, 100, 2)})" for who, one in ends]
    caption = f"{', '.join(said)}; {result.n:,} cases, {result.coalitions} coalitions"
    table.caption, table.caption_justify, table.caption_style = f"Asked: {caption}", "left", ""
    return table


def _figure(figure: Estimate | None, scale: float, digits: int) -> str:
    """A figure over its interval."""
    if figure is None or figure.value is None:
        return NONE
    return f"{number(scale * figure.value, digits)}\n{interval(figure, scale, digits).replace(' to ', '–')}"
