"""How many auditors answer in time: Erlang C with the whole distribution of the time to an answer."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, exp, inf, log, sqrt

import numpy as np

from agents import rng
from constitutions.errors import InputError
from experiments.laws.queue import erlang_c
from experiments.laws.ranges import within
from experiments.laws.simulated import Share
from hierarchy.audit.labour import TICKS, gaps, service_minutes, waits

MOST_REVIEWS = 99
MOST_AUDITORS = 1_000_000
_BATCHES = 50


@dataclass(frozen=True)
class Panel:
    """Reviews until so many agree: at most `reviews` of a case, `expected` on average, wrong with chance `error`."""

    reviews: int
    expected: float
    error: float


@dataclass(frozen=True)
class Staff:
    """What so many auditors come to.

    Attributes:
        auditors: how many; busy: share of their time spent on cases; wait_probability: chance that a case has to wait.
        mean_wait: minutes before an auditor takes it; late_start: chance that nobody has by the due time.
        late: chance that a case has no answer at its due time (an upper bound where it takes several reviews).
    """

    auditors: int
    busy: float
    wait_probability: float
    mean_wait: float
    late_start: float
    late: float


def panel(error: float, target: float | None = None) -> Panel:
    """The fewest reviews, an odd number 2j - 1, of auditors who err independently with chance `error`, after which the
    majority errs with chance at most `target`; one review without a target.

    Reviews stop once j agree: error = sum over m < j of C(j - 1 + m, m) e^j (1 - e)^m (negative binomial; Condorcet
    1785). Raises InputError where no number of reviews will do.
    """
    within("--error", error, 0, 0.5, open_high=True)
    if target is not None:
        within("--target", target, 0, 0.5, open_low=True)
    for reviews in range(1, MOST_REVIEWS + 1, 2):
        need = (reviews + 1) // 2
        # Ends after need + m reviews: the last one completes the majority.
        wrong = [comb(need - 1 + m, m) * error**need * (1 - error) ** m for m in range(need)]
        right = [comb(need - 1 + m, m) * (1 - error) ** need * error**m for m in range(need)]
        expected = sum((need + m) * (a + b) for m, (a, b) in enumerate(zip(wrong, right, strict=True)))
        if target is None or sum(wrong) <= target:
            return Panel(reviews, expected, sum(wrong))
    raise InputError(
        f"--target {target:g}: {MOST_REVIEWS} reviews of auditors who err with chance {error:g} leave "
        f"{sum(wrong):.3g}; accepted: that or more"
    )


def late_answer(auditors: int, arrival: float, minutes: float, due: float) -> float:
    """P(waiting + service > t) in the M/M/c queue, t = due: e^(-m t) + C m (e^(-m t) - e^(-h t)) / (h - m).

    m = 1 / minutes, h = c m - arrival, `arrival` cases a minute, C by Erlang: one waits with chance C, then for an
    exponential time of rate h. e^(-m t) (1 + C m t) where h = m. Raises InputError as `erlang_c` does.
    """
    rate = 1 / minutes
    wait = erlang_c(auditors, arrival, rate).wait_probability
    spare = auditors * rate - arrival - rate
    served = exp(-rate * due)
    if abs(spare) < 1e-9 * rate:
        return served * (1 + wait * rate * due)
    return served + wait * rate / spare * (served - exp(-(auditors * rate - arrival) * due))


def staff(auditors: int, arrival: float, minutes: float, due: float, reviews: Panel) -> Staff:
    """What `auditors` come to for cases that arrive at `arrival` a minute and take `minutes` a review on average.

    Arrivals are Poisson and service exponential. A case's reviews follow one another, so that the queue has the law of
    an M/M/c queue at the rate of all reviews (Kelly 1975), and with r reviews of a case P(late) <= r P(one takes more
    than due / r). Raises InputError outside the ranges and where the queue grows without bound.
    """
    _check(arrival, minutes, due)
    within("--auditors", auditors, 1, MOST_AUDITORS)
    load, part = arrival * reviews.expected, due / reviews.reviews
    if load * minutes >= auditors:
        raise InputError(
            f"--auditors is {auditors}: the queue grows without bound; accepted: more than {load * minutes:.4g}, the "
            "minutes of reviews that arrive a minute"
        )
    waiting = erlang_c(auditors, load, 1 / minutes)
    late_start = waiting.wait_probability * exp(-(auditors / minutes - load) * due)
    late = min(1.0, reviews.reviews * late_answer(auditors, load, minutes, part))
    return Staff(auditors, load * minutes / auditors, waiting.wait_probability, waiting.mean_wait, late_start, late)


def needed(arrival: float, minutes: float, due: float, share: float, reviews: Panel) -> Staff:
    """The fewest auditors with whom at most 1 - `share` of the cases are late.

    Raises InputError where none would do: with r reviews a share r e^(-due / (r minutes)) is late however many work.
    """
    _check(arrival, minutes, due)
    within("--share", share, 0, 1, open_low=True, open_high=True)
    least = reviews.reviews * minutes * log(reviews.reviews / (1 - share))
    if due <= least:
        raise InputError(
            f"--due is {due:g}: with {reviews.reviews} reviews of {minutes:g} minutes each a share of {share:g} cannot "
            f"be answered in time however many work; accepted: ({least:.4g}, inf)"
        )
    low = int(arrival * reviews.expected * minutes) + 1
    high = low
    while staff(high, arrival, minutes, due, reviews).late > 1 - share:
        low, high = high + 1, 2 * high
        if high > MOST_AUDITORS:
            raise InputError(f"--arrival is {arrival:g} a minute: more than {MOST_AUDITORS} auditors would be needed")
    while low < high:
        middle = (low + high) // 2
        enough = staff(middle, arrival, minutes, due, reviews).late <= 1 - share
        low, high = (low, middle) if enough else (middle + 1, high)
    return staff(low, arrival, minutes, due, reviews)


def _check(arrival: float, minutes: float, due: float) -> None:
    within("--arrival", arrival, 0, inf, open_low=True)
    within("--minutes", minutes, 0, inf, open_low=True)
    within("--due", due, 0, inf, open_low=True)


def simulated(found: Staff, arrival: float, minutes: float, due: float, reviews: Panel, cases: int, seed: int) -> Share:
    """The share late in the simulated queue (`hierarchy.audit.labour`) of as many reviews, times the reviews of a case:
    what `late` says by formula."""
    within("--simulate", cases, 1, 10**8)
    keys = rng.numbered(np.arange(cases, dtype=np.uint64))
    times = np.cumsum(gaps(arrival * reviews.expected, keys, seed)) / TICKS
    service = service_minutes(minutes, "exponential", keys, seed)
    late = waits(times, service, found.auditors) + service > due / reviews.reviews
    parts = [float(part.mean()) for part in np.array_split(late, _BATCHES) if len(part)]
    error = float(np.std(parts, ddof=1) / sqrt(len(parts))) if len(parts) > 1 else 0.0
    return Share.mean(reviews.reviews * float(late.mean()), reviews.reviews * error, cases, 0.0)
