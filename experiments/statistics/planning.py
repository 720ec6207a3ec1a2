"""How many cases a planned paired comparison needs, and what it can detect."""

from __future__ import annotations

from math import ceil, sqrt

from scipy import stats

from constitutions.errors import InputError


def _quantiles(level: float, power: float) -> tuple[float, float]:
    for name, value in (("level", level), ("power", power)):
        if not 0 < value < 1:
            raise InputError(f"{name} is {value:g}; accepted: (0, 1)")
    return float(stats.norm.ppf((1 + level) / 2)), float(stats.norm.ppf(power))


def required_cases(difference: float, discordant: float, level: float = 0.95, power: float = 0.8) -> int:
    """Cases for McNemar's test to detect a paired `difference` of shares (Connor 1987).

    `discordant` is the share of cases where exactly one of the two arms has the event, at least |difference|:
    n = (z_level sqrt(d) + z_power sqrt(d - difference^2))^2 / difference^2. Raises InputError for impossible shares.
    """
    if not 0 < abs(difference) <= discordant <= 1:
        raise InputError(f"discordant is {discordant:g}; accepted: from |difference| = {abs(difference):g} to 1")
    z_level, z_power = _quantiles(level, power)
    root = z_level * sqrt(discordant) + z_power * sqrt(discordant - difference**2)
    return ceil(root**2 / difference**2)


def detectable_difference(cases: int, discordant: float, level: float = 0.95, power: float = 0.8) -> float | None:
    """The smallest paired difference of shares that n cases detect (`required_cases` turned round, by bisection).

    None where even the largest possible one, `discordant` itself, needs more cases.
    """
    if cases < 1 or not 0 < discordant <= 1:
        raise InputError(f"cases is {cases} and discordant {discordant:g}; accepted: 1 or more, and (0, 1]")
    if required_cases(discordant, discordant, level, power) > cases:
        return None
    low, high = 0.0, discordant
    for _ in range(60):
        middle = (low + high) / 2
        enough = middle > 1e-12 and required_cases(middle, discordant, level, power) <= cases
        low, high = (low, middle) if enough else (middle, high)
    return high


def detectable_of_counts(only_a: int, only_b: int, n: int) -> float | None:
    """`detectable_difference` of a comparison of n cases with as many discordant ones as were seen; None for none."""
    return detectable_difference(n, (only_a + only_b) / n) if only_a + only_b else None
