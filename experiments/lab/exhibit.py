"""A simulated comparison as a page shows it."""

from __future__ import annotations

from collections.abc import Sequence

from agents.figures import Estimate, Proportion
from experiments.config import ExperimentSpec, SimulatedData
from experiments.lab.compare import rates
from experiments.lab.contrasts import as_comparison, contrasts
from experiments.lab.simulate import Simulated
from experiments.lab.tally import Tally
from experiments.report.data import Figure
from experiments.report.exhibit import Exhibit, ShownArm
from experiments.report.picture import drawn_graph
from experiments.results.figures import CreditResult
from hierarchy.arm import Arm

NAMES = {
    "first_violating": "first_violations",
    "missed_violations": "missed_violations",
    "false_alarms": "false_alarms_of_all",
    "needless_refusals": "needless_refusals_of_all",
    "helpful": "helpful",
    "override_success": "override_success",
    "escalated": "escalated",
    "audited": "audited",
}
"""The lab's shares by what the page calls them."""
MEANS = {"minutes_per_case": "human_minutes", "calls_per_case": "calls", "cost_per_case": "cost"}


def comparison_exhibit(
    label: str, spec: ExperimentSpec, arms: Sequence[Arm], found: Simulated, metric: str,
    pairs: Sequence[tuple[str, str]], config_yaml: str, credit: tuple[CreditResult, ...] = (),
) -> Exhibit:  # fmt: skip
    """The arms' shares and means, and paired differences in `metric` for the pairs."""
    assert isinstance(spec.dataset, SimulatedData)
    tallies = found.tallies
    planned = {(c.a, c.b) for c in spec.compare if c.metric == metric}
    n = max((tally.n for tally in tallies.values()), default=0)
    so_far = "" if n == spec.dataset.size else f", {n:,} of {spec.dataset.size:,} cases so far"
    cases = f"seed {spec.seed}, simulated {n}, override {spec.dataset.override:g}"
    compared = tuple(
        as_comparison(row, n, f"{row['a']} against {row['b']}", (row["a"], row["b"]) in planned)
        for row in contrasts(found, metric, pairs)
        if n
    )
    shown = tuple(_arm(spec, arm, tallies[arm.name]) for arm in arms)
    return Exhibit(
        label, f"simulated comparison{so_far}", spec.question, spec.seed, n, cases, config_yaml, shown, compared, credit
    )


def _arm(spec: ExperimentSpec, arm: Arm, tally: Tally) -> ShownArm:
    graph, found, overrides = arm.plan.graph, rates(tally), tally.overrides
    title = (spec.arms[arm.name].title if arm.name in spec.arms else "") or arm.name
    figures: dict[str, Figure] = {}
    for name, told in NAMES.items():
        if name in found:
            share, n = found[name], overrides if name == "override_success" else found["n"]
            figures[told] = Proportion(count=share["count"], n=n, low=share["low"], high=share["high"])
    for name, told in MEANS.items():
        if name not in found:  # without prices
            continue
        figures[told] = Estimate(**{end: found[name][end] for end in ("value", "low", "high")})
    nodes, edges = drawn_graph(graph)
    return ShownArm(arm.name, arm.name, title, graph.description, nodes, edges, figures)
