"""One recursion under several seeds: means over the seeds, with intervals over seeds and prompts.

Every seed has its own prompts and its own trainings, so that what the seeds give are independent draws; arms of a seed
share its prompts, so that a difference between arms is taken within every seed and then averaged. The first base is
the same in all of them: nothing here speaks of other first bases.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from agents.figures import Estimate
from experiments.recurse.results import ArmRecursion, ContrastResult, Measured, RecursionResults, RoundResult
from experiments.recurse.words import is_share
from experiments.results.figures import Difference
from experiments.statistics import mean_of_replicates

_NOTHING = Difference(value=None, low=None, high=None)
_UNMEASURED = Measured(value=Estimate(value=None, low=None, high=None))


def pooled_arms(parts: Sequence[RecursionResults]) -> tuple[ArmRecursion, ...]:
    """Every arm over the results of the seeds, which name the same arms."""
    return tuple(_arm([part.arms[i] for part in parts]) for i in range(len(parts[0].arms)))


def pooled_contrasts(parts: Sequence[RecursionResults]) -> tuple[ContrastResult, ...]:
    """Every declared comparison over the seeds in which both arms reached the round."""
    found = [{(c.a, c.b, c.metric, c.round): c for c in part.contrasts} for part in parts]
    told = {}
    for key in dict.fromkeys(key for some in found for key in some):
        each = [some[key].difference if key in some else _NOTHING for some in found]
        first = next(some[key] for some in found if key in some)
        told[key] = first.model_copy(
            update={"difference": _difference(first.metric, each), "differences": tuple(d.value for d in each)}
        )
    return tuple(told.values())


def _arm(parts: Sequence[ArmRecursion]) -> ArmRecursion:
    longest = max((part.rounds for part in parts), key=len)
    rounds = tuple(_round(parts, number) for number in range(len(longest)))
    trips = {seed: trip for part in parts for seed, trip in part.trips.items()}
    return ArmRecursion(arm=parts[0].arm, title=parts[0].title, rounds=rounds, trips=trips)


def _round(parts: Sequence[ArmRecursion], number: int) -> RoundResult:
    """What the bases of a round have in common; a seed that a tripwire stopped before has no values."""
    each = [part.rounds[number].measures if number < len(part.rounds) else {} for part in parts]
    names = dict.fromkeys(name for some in each for name in some)
    return RoundResult(
        round=number, measures={name: _measured(name, [some.get(name, _UNMEASURED) for some in each]) for name in names}
    )


def _measured(metric: str, each: Sequence[Measured]) -> Measured:
    values = [one.value for one in each]
    if not any(one.change for one in each):
        return Measured(value=_value(metric, values), values=tuple(value.value for value in values))
    changes, steps = [one.change or _NOTHING for one in each], [one.step or _NOTHING for one in each]
    return Measured(
        value=_value(metric, values),
        change=_difference(metric, changes),
        step=_difference(metric, steps),
        values=tuple(value.value for value in values),
        changes=tuple(change.value for change in changes),
    )


def _value(metric: str, each: Sequence[Estimate]) -> Estimate:
    """Shares are from 0 to 1; no KL is below 0."""
    return mean_of_replicates(each, 0, 1 if is_share(metric) else inf)


def _difference(metric: str, each: Sequence[Difference]) -> Difference:
    reach = 1 if is_share(metric) else inf
    return Difference(**mean_of_replicates(each, -reach, reach).model_dump())
