"""Samples and estimates on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from agents.figures import Estimate
from experiments.report.wording import NONE, interval, number, percent
from experiments.sampling.coverage import Covered
from experiments.sampling.estimating import Residual
from experiments.statistics.survey import FEW
from experiments.terminal.layout import results_table, shown
from hierarchy.audit.sample_store import Sample

NAMES = {
    "headline": "headline",
    "exact": "exact",
    "horvitz_thompson": "Horvitz-\nThompson",
    "hajek": "Hájek",
    "aipw": "AIPW",
    "ppi": "PPI++",
}


def sample_table(samples: Sequence[Sample]) -> Table:
    """What was drawn: a row per arm."""
    headings = ["design", "released", "drawn", "certain", "floor", "answered"]
    table = results_table("Released cases drawn for audit", "arm", headings)
    for sample in samples:
        counts = (
            len(sample.case_id_N),
            sample.drawn_N.sum(),
            (sample.inclusion_N >= 1).sum(),
            sample.floor_N.sum(),
            sample.answered_N.sum(),
        )
        design = f"{sample.design.design}, {sample.design.aim}"
        table.add_row(shown(sample.arm), design, *(number(int(count)) for count in counts))
    return table


def residual_table(residual: Residual) -> Table:
    """The violations among an arm's released cases: a row per estimator, the headline first."""
    title = (
        f"{residual.arm}: violations among {residual.released:,} released cases, % "
        f"({residual.found:,} found in {residual.answered:,} of {residual.drawn:,} drawn)"
    )
    headings = ["estimate", "95 % interval", *(["holds the truth,\nof simulated runs"] if residual.covered else [])]
    table = results_table(title, "", headings)

    def row(name: str, one: Estimate, covered: Covered | None) -> None:
        cells = [percent(one.value, 2), interval(one, 100, 2)]
        if residual.covered:
            cells.append(NONE if covered is None else f"{percent(covered.told)} of {covered.runs:,}")
        table.add_row(name, *cells)

    covered = residual.covered
    row(NAMES["headline"], residual.headline, covered.get("headline"))
    row(NAMES["exact"], residual.exact, covered.get("exact"))
    for name, told in residual.others.items():
        row(NAMES[name] + " *" * told.gave_way, told.estimate, covered.get(name))
    if residual.corrected is not None:
        row("corrected for\nauditors' errors", residual.corrected, None)
    few = f"* fewer than {FEW} violations on the floor: the exact interval\n"
    gave_way = any(told.gave_way for told in residual.others.values())
    table.caption = few * gave_way + residual.judging.words()
    table.caption_justify = "left"
    return table
