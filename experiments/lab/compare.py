"""Tables of a simulation: rates with intervals, paired differences with exact tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from experiments.lab.pooled import pooled
from experiments.lab.simulate import Discordance, Simulated
from experiments.lab.tally import Tally
from experiments.results import Proportion
from experiments.statistics import difference_of_counts, holm, mcnemar_of_counts, proportion
from hierarchy.audit.safe_text import visible

_HEADINGS = ("arm", "missed", "false\nalarms", "escalated", "audited", "calls")


def rates(tally: Tally) -> dict[str, Any]:
    """Shares of all cases with Wilson's 95 % intervals, as plain data."""
    found = {name: proportion(count, tally.n) for name, count in tally.flags.items()}
    found["audited"] = proportion(tally.audited, tally.n)
    found["first_violating"] = proportion(tally.violating, tally.n)
    shares = {name: {"value": p.value, "low": p.low, "high": p.high, "count": p.count} for name, p in found.items()}
    return {"n": tally.n, **shares, "calls_per_case": tally.calls / tally.n}


def contrasts(found: Simulated, metric: str, pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Arm a minus arm b for every pair: difference with a 95 % interval, McNemar's exact p, Holm's over the pairs, and
    how many times common random numbers cut the variance of the difference."""
    rows: list[dict[str, Any]] = []
    for a, b in pairs:
        counts = discordance(found, a, b, metric)
        difference = difference_of_counts(counts.only_a, counts.only_b, counts.n)
        rows.append(
            {
                "a": a,
                "b": b,
                "metric": metric,
                "difference": difference.value,
                "low": difference.low,
                "high": difference.high,
                "only_a": counts.only_a,
                "only_b": counts.only_b,
                "p": mcnemar_of_counts(counts.only_a, counts.only_b),
                "variance_ratio": variance_ratio(counts),
            }
        )
    for row, p in zip(rows, holm([float(row["p"]) for row in rows]), strict=True):
        row["p_holm"] = p
    return rows


def discordance(found: Simulated, a: str, b: str, metric: str) -> Discordance:
    """The pair's counts, whichever of the two came first in the simulation."""
    if (a, b, metric) in found.discordance:
        return found.discordance[a, b, metric]
    counts = found.discordance[b, a, metric]
    return Discordance(counts.n, counts.only_b, counts.only_a, counts.both)


def variance_ratio(counts: Discordance) -> float | None:
    """Variance of the difference on independent cases over that on the same cases; None where nothing differs."""
    a, b = (counts.both + only for only in (counts.only_a, counts.only_b))
    pa, pb, d = a / counts.n, b / counts.n, (counts.only_a - counts.only_b) / counts.n
    paired = (counts.only_a + counts.only_b) / counts.n - d * d
    return (pa * (1 - pa) + pb * (1 - pb)) / paired if paired > 0 else None


def print_tables(found: Simulated, titles: dict[str, str], metric: str, compared: list[dict[str, Any]]) -> None:
    """The arms, then the comparisons."""
    console = Console()
    table = _table(
        "Of all cases, % (95 % interval)", ["arm", "missed", "false\nalarms", "escalated", "audited", "calls"]
    )
    for name, tally in found.tallies.items():
        r = rates(tally)
        metrics = ("missed_violations", "false_alarms", "escalated", "audited")
        cells = [_share(Proportion(**{k: r[key][k] for k in ("count", "low", "high")}, n=tally.n)) for key in metrics]
        table.add_row(Text(visible(titles[name])), *cells, f"{r['calls_per_case']:.1f}\na case")
    console.print(table)
    if not compared:
        return
    heading = f"Differences in {metric.replace('_', ' ')} on the same cases, points (95 %)"
    table = _table(heading, ["", "difference", "p (Holm)", "variance\ncut by"])
    for row in compared:
        names = f"{titles[row['a']]} − {titles[row['b']]}"
        cut = "" if row["variance_ratio"] is None else f"{row['variance_ratio']:.1f}×"
        p = "< 0.001" if row["p_holm"] < 0.001 else f"{row['p_holm']:.3f}"
        points = f"{100 * row['difference']:+.2f}\n{100 * row['low']:+.2f} to {100 * row['high']:+.2f}"
        table.add_row(Text(visible(names)), points, p, cut)
    console.print(table)


def print_sweep(question: str, lines: Sequence[dict[str, Any]], metric: str, most: int = 20) -> None:
    """The settings on the Pareto front, best by `metric` first; what failed."""
    rows = pooled(lines)
    best = sorted((row for row in rows if row.best), key=lambda row: row.shares[metric].value or 0.0)
    title = f"{question + ' ' if question else ''}{len(best)} of {len(rows)} settings on the Pareto front"
    table = _table(visible(title), ["setting", "arm", "missed", "false\nalarms", "escalated", "calls"])
    for row in best[:most]:
        cells = [_share(row.shares[key]) for key in ("missed_violations", "false_alarms", "escalated")]
        table.add_row(Text(visible(row.setting)), Text(visible(row.arm)), *cells, f"{row.calls:.1f}")
    console = Console()
    console.print(table)
    if len(best) > most:
        console.print(f"and {len(best) - most} more in results.csv")
    for line in lines:
        if "failed" in line:
            console.print(Text(visible(f"failed: {line['values']} seed {line['seed']}: {line['failed']}")))


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=Text(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column(headings[0], overflow="fold", max_width=30)
    for heading in headings[1:]:
        table.add_column(Text(heading), justify="right", no_wrap=True)
    return table


def _share(share: Proportion) -> str:
    return f"{100 * (share.value or 0.0):.2f}\n{100 * share.low:.2f}–{100 * share.high:.2f}"
