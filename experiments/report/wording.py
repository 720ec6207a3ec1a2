"""How numbers are written: one decimal for percentages, the interval always beside the value."""

from __future__ import annotations

import re

from agents.figures import Estimate, Proportion
from experiments.results.figures import Difference, Ratio

NONE = "–"
MINUS = "−"
SPACE = "\u00a0"  # a number and its unit stay on one line


def percent(share: float | None, digits: int = 1) -> str:
    """0.1234 as `12.3 %`; a dash for what is not known."""
    return NONE if share is None else f"{_signed(100 * share, digits)}{SPACE}%"


def interval(estimate: Proportion | Estimate, scale: float = 100, digits: int = 1) -> str:
    """`9.8 to 15.2`; an end that the data do not bound is a dash."""
    return f"{_end(estimate.low, scale, digits)} to {_end(estimate.high, scale, digits)}"


def share(proportion: Proportion) -> str:
    """`12.3 % (9.8 to 15.2)`, for sentences."""
    return f"{percent(proportion.value)} ({interval(proportion)})"


def points(difference: Difference) -> str:
    """`+3.1 points (0.4 to 5.8)`: a difference of shares in percentage points."""
    if difference.value is None:
        return NONE
    return f"{_signed(100 * difference.value, 1, plus=True)}{SPACE}points ({interval(difference)})"


def fraction(ratio: Ratio) -> str:
    """`0.12 (0.08 to 0.17)`."""
    return f"{number(ratio.value, 2)} ({interval(ratio, 1, 2)})"


def number(value: float | None, digits: int = 0) -> str:
    """1234.5 as `1,234` or with digits; a dash for what is not known."""
    return NONE if value is None else _signed(value, digits)


def p_value(p: float | None) -> str:
    """`0.031`, or `< 0.001`."""
    if p is None:
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def words(name: str) -> str:
    """A label or key as words: `1_full_compliance` as `full compliance`."""
    return re.sub(r"^\d+[_-]", "", name).replace("_", " ")


def duration(seconds: float | None) -> str:
    """`3 min 12 s`."""
    if seconds is None:
        return NONE
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _end(value: float | None, scale: float, digits: int) -> str:
    return NONE if value is None else _signed(scale * value, digits)


def _signed(value: float, digits: int, plus: bool = False) -> str:
    text = f"{abs(value):,.{digits}f}"
    zero = float(text.replace(",", "")) == 0
    sign = "" if zero else MINUS if value < 0 else "+" if plus else ""
    return sign + text
