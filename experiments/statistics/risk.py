"""From which score on a case goes to a person, so that the risk of what is released is kept, with a guarantee.

A case is released where its score is below the threshold; the loss of a case is 1 where it is released and violates.
Calibration cases, whose truth is known, must be exchangeable with those to come.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp, inf, log
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from constitutions.errors import InputError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Test = Literal["binomial", "hoeffding_bentkus"]
STEPS = 1_000


@dataclass(frozen=True)
class Threshold:
    """Cases of a score below `value` are released; infinity releases all.

    Attributes:
        missed: calibration cases that violate and would be released; released: calibration cases that would be.
        n: calibration cases.
    """

    value: float
    missed: int
    released: int
    n: int


def conformal(score_N: ArrayLike, violates_N: ArrayLike, risk: float) -> Threshold:
    """The highest threshold whose expected risk is at most `risk` (Angelopoulos, Bates, Fisch, Lei and Schuster 2022).

    With k violating cases of n released, (k + 1) / (n + 1) <= risk: the loss never falls as the threshold rises, so
    that E[loss of a new case] <= risk, over calibration sets and the case. Raises InputError for a risk outside (0, 1)
    and where n < 1 / risk - 1: no threshold at all would be allowed then.
    """
    score, violates = _checked(score_N, violates_N)
    _check_share("risk", risk)
    n = len(score)
    # Rounding must not cost the case that the bound just allows.
    allowed = int(np.floor(risk * (n + 1) - 1 + 1e-9))
    if allowed < 0:
        raise InputError(
            f"{n} calibration cases are too few for a risk of {risk:g}; accepted: at least 1/risk - 1 = "
            f"{ceil(1 / risk - 1 - 1e-9)} cases, or a risk of at least 1/(n + 1) = {1 / (n + 1):.4g}"
        )
    worst = np.sort(score[violates])
    return _threshold(float(worst[allowed]) if allowed < len(worst) else inf, score, violates)


def fixed_sequence(
    score_N: ArrayLike,
    violates_N: ArrayLike,
    risk: float,
    error: float = 0.1,
    test: Test = "binomial",
    steps: int = STEPS,
) -> Threshold:
    """The highest of `steps` equal steps from 0 to 1 that fixed-sequence testing reaches.

    Learn then Test (Angelopoulos, Bates, Candès, Jordan and Lei 2021). From 0 (nothing is released) upwards, each
    threshold's "its risk exceeds `risk`" is tested at level `error`, and the first that is not rejected ends it: with
    probability 1 - `error` over calibration sets the risk of the threshold is at most `risk`. Scores are from 0 to 1,
    and the steps do not depend on them. Raises InputError for shares outside (0, 1) and where even no missed case among
    n would not do: n < ln(error) / ln(1 - risk).
    """
    score, violates = _checked(score_N, violates_N)
    _check_share("risk", risk)
    _check_share("error", error)
    if not ((score >= 0) & (score <= 1)).all():
        raise InputError("score: found some outside [0, 1]; accepted: [0, 1] in a fixed sequence of thresholds")
    n, needed = len(score), ceil(log(error) / log(1 - risk) - 1e-9)
    if n < needed:
        raise InputError(
            f"{n} calibration cases are too few for a risk of {risk:g} with error {error:g}; accepted: at least "
            f"ln(error)/ln(1 - risk) = {needed} cases"
        )
    grid = np.arange(steps + 1) / steps
    missed = np.searchsorted(np.sort(score[violates]), grid, side="left")
    refused = p_value(missed, n, risk, test) > error
    reached = int(refused.argmax()) - 1 if refused.any() else steps
    if reached < 0:
        raise InputError(f"{n} calibration cases are too few for a risk of {risk:g} by {test}; accepted: more of them")
    return _threshold(float(grid[reached]), score, violates)


def p_value(missed_M: NDArray[np.integer], n: int, risk: float, test: Test) -> Floats:
    """p values, [M], of "the risk exceeds `risk`" where so many of n cases had loss 1.

    Exact binomial: P(Bin(n, risk) <= k). Hoeffding and Bentkus (Bates, Angelopoulos, Lei, Malik and Jordan 2021), which
    hold for losses between 0 and 1 too: min(exp(-n h(min(k / n, risk), risk)), e P(Bin(n, risk) <= k)), h(a, b) =
    a ln(a / b) + (1 - a) ln((1 - a) / (1 - b)).
    """
    below = np.asarray(stats.binom.cdf(missed_M, n, risk))
    if test == "binomial":
        return below
    share = np.minimum(np.asarray(missed_M) / n, risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.where(share > 0, share * np.log(share / risk), 0.0)
        second = np.where(share < 1, (1 - share) * np.log((1 - share) / (1 - risk)), 0.0)
    out: Floats = np.minimum(1.0, np.minimum(np.exp(-n * (first + second)), exp(1) * below))
    return out


def _threshold(value: float, score: Floats, violates: Bools) -> Threshold:
    released = score < value
    return Threshold(value, int((released & violates).sum()), int(released.sum()), len(score))


def _checked(score_N: ArrayLike, violates_N: ArrayLike) -> tuple[Floats, Bools]:
    score, violates = np.asarray(score_N, dtype=np.float64), np.asarray(violates_N, dtype=bool)
    if score.shape != violates.shape or score.ndim != 1 or np.isnan(score).any():
        raise ValueError(f"scores {score.shape} and truth {violates.shape} must be columns of the same cases, none NaN")
    return score, violates


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise InputError(f"{name} is {value:g}; accepted: (0, 1)")
