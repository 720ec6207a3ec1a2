"""What `oversight plan` answers."""

from __future__ import annotations

from math import ceil

from constitutions.errors import InputError
from experiments.statistics import detectable_difference, required_cases


def planned(
    discordant: float,
    difference: float | None,
    cases: int | None,
    power: float,
    level: float,
    family: int,
    design: float,
) -> dict[str, float | int | None]:
    """{"cases": n} for a difference, {"detectable": d} for cases; the error rate is shared by `family` comparisons, and
    `design` cases count as one. Raises InputError unless exactly one of the two is asked."""
    if (difference is None) == (cases is None):
        raise InputError("--difference or --cases: give one of them")
    shared = 1.0 - (1.0 - level) / family
    if difference is not None:
        return {"cases": ceil(design * required_cases(difference, discordant, shared, power))}
    assert cases is not None
    return {"detectable": detectable_difference(int(cases / design), discordant, shared, power)}
