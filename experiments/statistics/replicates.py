"""The mean over replicates of an experiment, such as trainings under several seeds, each with its own interval."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt

from scipy import stats

from agents.figures import Estimate
from experiments.statistics.clusters import LEVEL


def mean_of_replicates(
    parts: Sequence[Estimate], floor: float = -inf, ceiling: float = inf, level: float = LEVEL
) -> Estimate:
    """The mean m of S independent replicates, with an interval over both levels: replicates, and the cases in each.

    With values y_s and half widths h_s of their own intervals (at `level`, over cases), the interval is the wider of
    two: m ± t(S - 1) B^(1/2) with B = sum (y_s - m)^2 / (S (S - 1)), the variance seen between replicates, which holds
    what their cases add to it; and m ± (sum h_s^2)^(1/2) / S, what their cases alone make of it. The first is that of
    Hartung and Knapp (2001) for the mean of equally weighted studies, and covers m by itself where the y_s are normal;
    the second keeps few replicates that agree by luck from being surer than their cases allow (Röver, Knapp and
    Friede 2015 say why that is needed). Ends stay within `floor` and `ceiling`.

    Parts without a value are left out, one without an interval adds nothing to the second. A single part has no
    interval, nor have parts of one value that nothing bounds.
    """
    some = [(part.value, part) for part in parts if part.value is not None]
    if not some:
        return Estimate(value=None, low=None, high=None)
    values = [value for value, _ in some]
    count, mean = len(values), sum(values) / len(values)
    widths = [part.high - part.low for _, part in some if part.low is not None and part.high is not None]
    if count < 2 or not (widths or any(value != values[0] for value in values)):
        return Estimate(value=mean, low=None, high=None)
    between = sum((value - mean) ** 2 for value in values) / (count * (count - 1))
    by_cases = sqrt(sum((width / 2) ** 2 for width in widths)) / count
    half = max(float(stats.t.ppf((1 + level) / 2, count - 1)) * sqrt(between), by_cases)
    return Estimate(value=mean, low=max(floor, mean - half), high=min(ceiling, mean + half))
