"""Whether a declared tripwire stops an arm after its newest round."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.recurse.metrics import METRICS
from experiments.recurse.results import RoundResult, Trip
from experiments.recurse.spec import Wire
from experiments.results.figures import Difference


def tripped(wires: Sequence[Wire], rounds: Sequence[RoundResult]) -> Trip | None:
    """The first wire, in the order declared, that the newest round trips. The first base trips none.

    Every wire is looked at after every round, and no correction is made for it: with the `interval` rule and k looks a
    wire trips by chance alone with probability up to k times 2.5 %. A metric that was not measured trips nothing.
    """
    if len(rounds) < 2:
        return None
    for wire in wires:
        change, limit = _change(wire, rounds), _limit(wire, rounds)
        if change is not None and limit is not None and _crosses(wire, change, limit):
            return Trip(round=rounds[-1].round, metric=wire.metric, said=said(wire), change=change, limit=limit)
    return None


def said(wire: Wire) -> str:
    """A wire in words."""
    verb, much = ("fell", wire.fell) if wire.fell is not None else ("rose", wire.rose)
    share = " of what it was" if wire.relative else ""
    rule = "and its interval excludes no change" if wire.rule == "interval" else "by its point value"
    against = "since round 0" if wire.against == "first" else "since the round before"
    return f"{METRICS[wire.metric].title} {verb} by {much:g}{share} or more {against}, {rule}"


def _change(wire: Wire, rounds: Sequence[RoundResult]) -> Difference | None:
    measured = rounds[-1].measures.get(wire.metric)
    if measured is None:
        return None
    return measured.change if wire.against == "first" else measured.step


def _limit(wire: Wire, rounds: Sequence[RoundResult]) -> float | None:
    much = wire.fell if wire.fell is not None else wire.rose
    assert much is not None
    if not wire.relative:
        return much
    before = rounds[0 if wire.against == "first" else -2].measures.get(wire.metric)
    return None if before is None or before.value.value is None else much * abs(before.value.value)


def _crosses(wire: Wire, change: Difference, limit: float) -> bool:
    if change.value is None:
        return False
    falls = wire.fell is not None
    moved = -change.value if falls else change.value
    if moved < limit or moved == 0:
        return False
    edge = change.high if falls else change.low
    excludes = edge is not None and (edge < 0 if falls else edge > 0)
    return wire.rule == "point" or excludes
