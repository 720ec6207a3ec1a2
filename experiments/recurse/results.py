"""What a recursion found, frozen, written as `results.json` in its folder.

One recursion and several of them under different seeds are written in the same records. Of several, every figure is a
mean over the seeds with an interval over seeds and prompts, and beside it stands what each seed gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agents.figures import Estimate, Record
from experiments.results.figures import Difference
from experiments.results.files import read_record, write_record

CONFIG = "config.yaml"


class Measured(Record):
    """A metric of one base: its value, and its change since the first base and since the base before, on the same
    prompts; no change is told of the first base.

    Attributes:
        values, changes: of several seeds, what each gave, in their order; None where it has none.
    """

    value: Estimate
    change: Difference | None = None
    step: Difference | None = None
    values: tuple[float | None, ...] = ()
    changes: tuple[float | None, ...] = ()


class Trip(Record):
    """The tripwire that stopped an arm after a round: what it watches in words, the change seen and how much was
    declared."""

    round: int
    metric: str
    said: str
    change: Difference
    limit: float


class RoundResult(Record):
    """A base and where it came from.

    Attributes:
        round: 0 for the first base.
        base: its checkpoint, relative to the recursion's folder where it lies in it. Of several seeds, what follows is
            in the results of each.
        rows: rows its last stage learnt from; audited: cases of the round that an auditor decided.
        overseers: rows that each overseer learnt from.
    """

    round: int
    measures: Mapping[str, Measured]
    base: str | None = None
    seed: int | None = None
    rows: int | None = None
    audited: int | None = None
    overseers: Mapping[str, int] = {}


class ArmRecursion(Record):
    """The rounds of one arm, and what stopped it, if anything did, by seed. Of several seeds, a round is of those that
    reached it."""

    arm: str
    title: str
    rounds: tuple[RoundResult, ...]
    trips: Mapping[int, Trip] = {}


class ContrastResult(Record):
    """Arm a minus arm b after a round, on the same prompts; `differences` of several seeds, in their order."""

    a: str
    b: str
    metric: str
    round: int
    difference: Difference
    differences: tuple[float | None, ...] = ()


class RecursionResults(Record):
    """Everything the page of a recursion shows."""

    name: str
    question: str
    seeds: tuple[int, ...]
    command: str
    config_yaml: str
    versions: Mapping[str, str]
    arms: tuple[ArmRecursion, ...]
    contrasts: tuple[ContrastResult, ...] = ()

    @property
    def tripped(self) -> bool:
        """Whether a tripwire stopped some arm."""
        return any(arm.trips for arm in self.arms)


def write_recursion(results: RecursionResults, folder: Path) -> Path:
    """Write `results.json` whole."""
    return write_record(results, folder)


def read_recursion(folder: Path) -> RecursionResults:
    """The results in a recursion's folder. Raises InputError where there are none or they are not of this version."""
    absent = f"this recursion is not finished; go on with `oversight recurse {folder / CONFIG}`"
    return read_record(RecursionResults, folder, absent, "`oversight recurse` on the same folder writes it anew")
