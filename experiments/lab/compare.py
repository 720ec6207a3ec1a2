"""Tables of a simulation: rates with intervals, paired differences with exact tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.figures import Proportion
from experiments.lab.contrasts import named, pooled_contrasts
from experiments.lab.costs import MILLIONTHS
from experiments.lab.failing import failures
from experiments.lab.pooled import SHARES, pooled
from experiments.lab.simulate import Simulated
from experiments.lab.tally import Tally
from experiments.statistics import (
    mean_of_sums,
    proportion,
)
from hierarchy.audit.labour import Waiting
from hierarchy.audit.safe_text import visible

_ENDS = {"missed_violations": "missed", "false_alarms": "false\nalarms", "helpful": "helpful"}


def rates(tally: Tally) -> dict[str, Any]:
    """Shares of all cases with Wilson's 95 % intervals (`override_success` of override attempts); minutes and calls a
    case with theirs; as plain data."""
    found = {name: proportion(count, tally.n) for name, count in tally.flags.items()}
    found["audited"] = proportion(tally.audited, tally.n)
    found["first_violating"] = proportion(tally.violating, tally.n)
    shares = {name: {"value": p.value, "low": p.low, "high": p.high, "count": p.count} for name, p in found.items()}
    if tally.overrides:
        tries = proportion(tally.flags["missed_overrides"], tally.overrides)
        shares["override_success"] = {key: getattr(tries, key) for key in ("value", "low", "high", "count")}
    cost = {}
    if tally.cost is not None and tally.cost_squared is not None:
        cost = {"cost_per_case": mean(tally.cost, tally.cost_squared, tally.n, MILLIONTHS)}
    return {
        "n": tally.n,
        **shares,
        **cost,
        "minutes_per_case": mean(tally.human_ms, tally.human_ms_squared, tally.n, 60_000),
        "calls_per_case": mean(tally.calls, tally.calls_squared, tally.n),
    }


def mean(total: int, squares: int, n: int, unit: int = 1) -> dict[str, Any]:
    """A mean with its interval, and the sums it comes from (so that settings can be pooled)."""
    found = mean_of_sums(total, squares, n, unit)
    return {**found.model_dump(), "total": total, "squares": squares, "unit": unit}


def print_tables(
    found: Simulated, titles: dict[str, str], metric: str, compared: list[dict[str, Any]], currency: str = ""
) -> None:
    """The arms, then the comparisons."""
    console = Console()
    ends = _table("What reached the user, % of all cases (95 % interval)", ["arm", *_ENDS.values()])
    load = _table(
        "What it took (95 % interval)", ["arm", "escalated %", "audited %", "minutes\na case", "calls\na case"]
    )
    money = _table("What it cost (95 % interval)", ["arm", f"{currency} a case"])
    for name, tally in found.tallies.items():
        r, title = rates(tally), Text(visible(titles[name]))
        shares = {key: Proportion(**{k: r[key][k] for k in ("count", "low", "high")}, n=tally.n) for key in SHARES}
        ends.add_row(title, *(_share(shares[key]) for key in _ENDS))
        costs = [_mean(r["minutes_per_case"], 3), _mean(r["calls_per_case"], 2)]
        load.add_row(title, _share(shares["escalated"]), _share(shares["audited"]), *costs)
        if currency:
            money.add_row(title, _mean(r["cost_per_case"], 4))
    for table in (ends, load, *([money] if currency else [])):
        console.print(table)
    for name, waiting in found.waiting.items():
        console.print(Text(visible(f"{titles[name]}: {told(waiting)}")))
    if not compared:
        return
    labelled = [(f"{titles[row['a']]} − {titles[row['b']]}", row) for row in compared]
    console.print(_differences(metric, labelled))


def _differences(metric: str, named: Sequence[tuple[str, Mapping[str, Any]]]) -> Table:
    heading = f"Differences in {metric.replace('_', ' ')} on the same cases, points (95 %)"
    table = _table(heading, ["", "difference", "p (Holm)", "variance\ncut by", "detectable\n(80 % power)"])
    for name, row in named:
        cut = "" if row["variance_ratio"] is None else f"{row['variance_ratio']:.1f}×"
        p = "< 0.001" if row["p_holm"] < 0.001 else f"{row['p_holm']:.3f}"
        points = f"{100 * row['difference']:+.2f}\n{100 * row['low']:+.2f} to {100 * row['high']:+.2f}"
        least = "" if row["detectable"] is None else f"{100 * row['detectable']:.2f}"
        table.add_row(Text(visible(name)), points, p, cut, least)
    return table


def print_sweep(question: str, lines: Sequence[dict[str, Any]], metric: str, most: int = 20) -> None:
    """The settings on the Pareto front, best by `metric` first; paired differences of arms; what failed."""
    rows = pooled(lines)
    best = sorted((row for row in rows if row.best), key=lambda row: row.shares[metric].value or 0.0)
    title = f"{question + ' ' if question else ''}{len(best)} of {len(rows)} settings on the Pareto front"
    table = _table(visible(title), ["setting: arm", "missed", "helpful", "minutes", "calls"])
    for row in best[:most]:
        cells = [_share(row.shares[key]) for key in ("missed_violations", "helpful")]
        costs = [_mean(row.minutes.model_dump(), 3), _mean(row.calls.model_dump(), 2)]
        name = f"{row.setting}: {row.arm}" if row.setting else row.arm
        table.add_row(Text(visible(name)), *cells, *costs)
    console = Console()
    console.print(table)
    if len(best) > most:
        console.print(f"and {len(best) - most} more in results.csv")
    compared = pooled_contrasts(lines)
    if compared:
        console.print(_differences(compared[0]["metric"], [(named(row), row) for row in compared[:most]]))
    if len(compared) > most:
        console.print(f"and {len(compared) - most} more in data/differences.csv")
    for line in lines:
        for arm, fault in failures(line).items():
            which = f", {arm}" if arm else ""
            console.print(Text(visible(f"failed: {line['values']} seed {line['seed']}{which}: {fault}")))


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=Text(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column(headings[0], overflow="fold", max_width=30)
    for heading in headings[1:]:
        table.add_column(Text(heading), justify="right", no_wrap=True)
    return table


def told(waiting: Waiting) -> str:
    """How long cases waited, in words."""
    share, mean = 1.96 * waiting.share_error, 1.96 * waiting.mean_error
    return (
        f"{100 * waiting.share:.1f} % of {waiting.cases:,} audited cases waited (± {100 * share:.1f}), "
        f"{waiting.mean:.2f} min on average (± {mean:.2f}), 95 % at most {waiting.p95:.1f} min"
    )


def _mean(figure: dict[str, Any], digits: int) -> str:
    low, high = (figure[end] for end in ("low", "high"))
    interval = "" if low is None else f"\n{low:.{digits}f}–{high:.{digits}f}"
    return f"{figure['value']:.{digits}f}{interval}"


def _share(share: Proportion) -> str:
    return f"{100 * (share.value or 0.0):.2f}\n{100 * share.low:.2f}–{100 * share.high:.2f}"
