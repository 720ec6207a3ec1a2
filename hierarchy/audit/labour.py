"""An auditor's working day: how long a case takes, how tiredness grows over a shift, how long cases wait.

Order numbers are those in which cases are decided, from 0 on; with several auditors they take turns.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agents import rng

Floats = NDArray[np.float64]
Service = Literal["fixed", "exponential"]
TICKS = 60_000_000
_BATCHES = 50


def tired(
    sensitivity: float, fatigue: float, shift: int | None, auditors: int, order_n: NDArray[np.integer[Any]]
) -> Floats:
    """Sensitivity at each order number, [n]: logit P = logit(sensitivity) - fatigue t, where t grows evenly from 0 at
    the first case of a shift to 1 at its last; exact 0 and 1 stay, and without shifts nobody tires."""
    if not fatigue or shift is None or shift == 1 or sensitivity in (0.0, 1.0):
        return np.full(len(order_n), sensitivity)
    t = (np.asarray(order_n) // auditors % shift) / (shift - 1)
    return np.asarray(1.0 / (1.0 + (1.0 - sensitivity) / sensitivity * np.exp(fatigue * t)))


def service_minutes(mean: float, kind: Service, key_n: rng.Keys, seed: int) -> Floats:
    """Minutes each case takes, [n]: the mean, or exponential with that mean, drawn by seed and the case's key."""
    if kind == "fixed":
        return np.full(len(key_n), mean)
    return np.asarray(-mean * np.log1p(-rng.uniform(rng.fold(key_n, rng.key(seed, "audit minutes")))))


def gaps(per_minute: float, key_n: rng.Keys, seed: int) -> NDArray[np.int64]:
    """Time between one case and the next of a Poisson stream, [n], drawn by seed and the case's key; in units of
    1 / TICKS minutes, whole, so that sums do not depend on the order."""
    minutes = -np.log1p(-rng.uniform(rng.fold(key_n, rng.key(seed, "arrival")))) / per_minute
    return np.round(minutes * TICKS).astype(np.int64)


def waits(arrival_n: Floats, service_n: Floats, auditors: int) -> Floats:
    """Minutes each case waits before an auditor takes it, [n]; first come, first served (Kiefer and Wolfowitz 1955).

    Arrivals are times in ascending order.
    """
    free = [0.0] * auditors
    out = np.empty(len(arrival_n))
    for i, (arrival, service) in enumerate(zip(arrival_n.tolist(), service_n.tolist(), strict=True)):
        start = max(arrival, free[0])
        heapq.heapreplace(free, start + service)
        out[i] = start - arrival
    return out


@dataclass(frozen=True)
class Waiting:
    """What waiting came to: the share of cases that had to, the mean and the 95th percentile of minutes, with standard
    errors of the first two by batch means (consecutive cases wait together)."""

    cases: int
    share: float
    share_error: float
    mean: float
    mean_error: float
    p95: float

    @classmethod
    def of(cls, wait_n: Floats) -> Waiting:
        """Summary of the waits in order of arrival."""
        if not len(wait_n):
            return cls(0, 0.0, 0.0, 0.0, 0.0, 0.0)
        parts = [part for part in np.array_split(wait_n, _BATCHES) if len(part)]
        share = [float((part > 0).mean()) for part in parts]
        mean = [float(part.mean()) for part in parts]
        return cls(
            len(wait_n),
            float((wait_n > 0).mean()),
            _error(share),
            float(wait_n.mean()),
            _error(mean),
            float(np.sort(wait_n)[ceil(0.95 * len(wait_n)) - 1]),
        )


def _error(means: Sequence[float]) -> float:
    """Standard error of the mean of batch means."""
    return float(np.std(means, ddof=1) / sqrt(len(means))) if len(means) > 1 else 0.0
