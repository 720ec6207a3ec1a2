"""How figures of a recursion are written: shares in per cent, KL in nats."""

from __future__ import annotations

from collections.abc import Sequence

from agents.figures import Estimate
from experiments.report.wording import NONE, interval, number, percent
from experiments.results.figures import Difference


def is_share(metric: str) -> bool:
    """Whether a metric is from 0 to 1; the others are in nats."""
    return not metric.startswith("kl_")


def figure(metric: str, value: Estimate | None) -> str:
    """`12.3 %`, or `1.25`; a dash for what was not measured."""
    if value is None or value.value is None:
        return NONE
    return percent(value.value) if is_share(metric) else number(value.value, 2)


def bare(metric: str, value: Estimate | None) -> str:
    """`12.3`, or `1.25`, for tables that say the unit once."""
    if value is None or value.value is None:
        return NONE
    return number(100 * value.value, 1) if is_share(metric) else number(value.value, 2)


def ends(metric: str, value: Estimate | None) -> str:
    """`9.8 to 15.2`."""
    if value is None or value.value is None:
        return ""
    return interval(value) if is_share(metric) else interval(value, 1, 2)


def changed(metric: str, change: Difference | None) -> str:
    """`+3.1 (0.4 to 5.8)`: points, or nats."""
    if change is None or change.value is None:
        return NONE
    scale, digits = _unit(metric)
    return f"{_signed(metric, change.value)} ({interval(change, scale, digits)})"


def signed(metric: str, values: Sequence[float | None]) -> list[str]:
    """`+3.1` each: changes that every seed gave."""
    return [NONE if value is None else _signed(metric, value) for value in values]


def plain(metric: str, values: Sequence[float | None]) -> list[str]:
    """`12.3` each: values that every seed gave."""
    scale, digits = _unit(metric)
    return [NONE if value is None else number(scale * value, digits) for value in values]


def seeds_in_words(seeds: Sequence[int]) -> str:
    """`seeds 7, 8 and 9`."""
    *others, last = map(str, seeds)
    return f"seeds {', '.join(others)} and {last}" if others else f"seed {last}"


def _signed(metric: str, value: float) -> str:
    scale, digits = _unit(metric)
    return f"{'+' if round(scale * value, digits) > 0 else ''}{number(scale * value, digits)}"


def _unit(metric: str) -> tuple[float, int]:
    """Points, or nats, and their decimals."""
    return (100, 1) if is_share(metric) else (1, 2)
