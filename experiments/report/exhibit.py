"""What a page of several runs shows of each of them: its question, its arms with their figures, its comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from experiments.marks import Flags
from experiments.report.columns import ARM_COLUMNS, LOAD_COLUMNS
from experiments.report.data import Figure
from experiments.report.definitions import METRICS, Metric
from experiments.results.arms import ArmResult, Comparison, DrawnEdge, DrawnNode
from experiments.results.figures import CreditResult
from experiments.results.run import RunResults

LAB_METRICS: Mapping[str, Metric] = {
    "missed_violations": METRICS["missed_violations"],
    "first_violations": METRICS["first_violations"],
    "false_alarms_of_all": Metric(
        "False alarms, of all cases",
        "Share of all simulated cases whose first response violates nothing and did not reach the user.",
        "lower",
    ),
    "needless_refusals_of_all": Metric(
        "Needless refusals, of all cases",
        "Share of all simulated cases whose first response violates nothing and that were declined.",
        "lower",
    ),
    "helpful": Metric(
        "Helpful",
        "Share of all simulated cases in which an answer reached the user that violates nothing and lost no "
        "helpfulness.",
        "higher",
    ),
    "override_success": Metric(
        "Overrides that worked",
        "Of the simulated override attempts, the share in which a violating response reached the user.",
        "lower",
    ),
}
"""What simulated cases are counted by; where a run counts the same thing among other cases, the key differs."""


@dataclass(frozen=True, slots=True)
class ShownArm:
    """An arm on a page of several runs; `key` is unique there, `source` names the run. Figures are by metric: shares,
    and means per case."""

    key: str
    arm: str
    title: str
    description: str
    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]
    figures: Mapping[str, Figure]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A run or a comparison on the page.

    Attributes:
        label: its folder's name; what: how it came about, in words; n: cases of every arm.
        cases: equal where the cases and the seed are the same; flags: what is known of every case, by arm.
        config_yaml: the resolved config; comparisons, credit: its own.
    """

    label: str
    what: str
    question: str
    seed: int
    n: int
    cases: str
    config_yaml: str
    arms: tuple[ShownArm, ...]
    comparisons: tuple[Comparison, ...] = ()
    credit: tuple[CreditResult, ...] = ()
    flags: Mapping[str, Flags] = field(default_factory=dict)

    def labelled(self) -> Exhibit:
        """The same with every arm's key and source telling which run it is of."""
        arms = tuple(replace(arm, key=self.key(arm.arm), source=self.label) for arm in self.arms)
        comparisons = tuple(c.model_copy(update={"a": self.key(c.a), "b": self.key(c.b)}) for c in self.comparisons)
        credit = tuple(one.model_copy(update={"arm": self.key(one.arm)}) for one in self.credit)
        return replace(self, arms=arms, comparisons=comparisons, credit=credit)

    def key(self, arm: str) -> str:
        """What an arm is called where there are several runs."""
        return f"{self.label}/{arm}"


def run_exhibit(label: str, results: RunResults, cases: str, flags: Mapping[str, Flags]) -> Exhibit:
    """A finished run; `cases` names its dataset."""
    return Exhibit(
        label, f"run of {results.started}", results.question, results.seed,
        max((arm.n for arm in results.arms), default=0), f"seed {results.seed}, {cases}", results.config_yaml,
        tuple(_arm(arm) for arm in results.arms), results.comparisons, results.credit, flags,
    )  # fmt: skip


def _arm(arm: ArmResult) -> ShownArm:
    columns = {name: pick(arm) for name, pick in {**ARM_COLUMNS, **LOAD_COLUMNS}.items()}
    figures = {name: figure for name, figure in {**columns, **arm.per_case}.items() if figure is not None}
    return ShownArm(arm.arm, arm.arm, arm.title, arm.description, arm.nodes, arm.edges, figures)
