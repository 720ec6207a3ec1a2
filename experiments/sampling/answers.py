"""Thresholds and staff as plain data, for the terminal and for JSON."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from constitutions.errors import InputError
from experiments.laws.ranges import read_columns, within
from experiments.laws.staffing import needed, panel, simulated, staff
from experiments.statistics.risk import Test, conformal, fixed_sequence

METHODS = ("conformal", "binomial", "hoeffding_bentkus")
AMONG = ("all", "violating")


def threshold_answer(path: Path, risk: float, method: str, error: float, among: str) -> dict[str, Any]:
    """The threshold for a CSV file with `score` and `violates`. A null threshold releases every case.

    `among` violating: the risk is the share of violating cases that are released, and only these calibrate it.
    Raises InputError.
    """
    for name, value, accepted in (("--method", method, METHODS), ("--among", among, AMONG)):
        if value not in accepted:
            raise InputError(f"{name} is {value!r}; accepted: {', '.join(accepted)}")
    rows = read_columns(path, "score", "violates")
    score = np.array([row.number("score") for row in rows])
    violates = np.array([row.flag("violates") for row in rows])
    use = violates if among == "violating" else np.ones(len(score), bool)
    try:
        if method == "conformal":
            found = conformal(score[use], violates[use], risk)
        else:
            test: Test = "binomial" if method == "binomial" else "hoeffding_bentkus"
            found = fixed_sequence(score[use], violates[use], risk, error, test)
    except InputError as mistake:
        raise InputError(f"{path}: {mistake}") from None
    guarantee = (
        f"expected risk at most {risk:g}"
        if method == "conformal"
        else f"risk at most {risk:g} with probability {1 - error:g} over calibration sets"
    )
    return {
        "threshold": found.value if math.isfinite(found.value) else None,
        "released": int((score < found.value).sum()),
        "escalated": int((score >= found.value).sum()),
        "missed": found.missed,
        "calibrated_on": found.n,
        "guarantee": guarantee,
    }


def staff_answer(
    arrival: float,
    minutes: float,
    due: float,
    share: float,
    auditors: int | None,
    error: float,
    target: float | None,
    simulate: int | None,
    seed: int,
) -> dict[str, Any]:
    """How many auditors are needed, or what `auditors` come to, with cases per hour, minutes a review, minutes until a
    case is due. Raises InputError."""
    within("--arrival", arrival, 0, math.inf, open_low=True)
    reviews = panel(error, target)
    found = needed(arrival / 60, minutes, due, share, reviews)
    least = found.auditors
    if auditors is not None:
        found = staff(auditors, arrival / 60, minutes, due, reviews)
    answer: dict[str, Any] = {
        "auditors": found.auditors,
        "needed": least,
        "enough": found.late <= 1 - share,
        "busy": found.busy,
        "wait_probability": found.wait_probability,
        "mean_wait_minutes": found.mean_wait,
        "late_start": found.late_start,
        "late": found.late,
        "reviews_at_most": reviews.reviews,
        "reviews_expected": reviews.expected,
        "error_after_reviews": reviews.error,
    }
    if simulate is not None:
        answer["simulated"] = {
            "late": simulated(found, arrival / 60, minutes, due, reviews, simulate, seed).plain()
        }  # fmt: skip
    return answer
