"""What a recursion found, frozen, written as `results.json` in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agents.figures import Estimate, Record
from constitutions.files import write_atomically
from experiments.results.figures import Difference
from experiments.results.run import RESULTS_FILE


class Measured(Record):
    """A metric of one base: its value, and its change since the first base and since the base before, on the same
    prompts; no change is told of the first base."""

    value: Estimate
    change: Difference | None = None
    step: Difference | None = None


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
        base: its checkpoint, relative to the recursion's folder where it lies in it.
        rows: rows its last stage learnt from; audited: cases of the round that an auditor decided.
        overseers: rows that each overseer learnt from.
    """

    round: int
    base: str
    measures: Mapping[str, Measured]
    seed: int | None = None
    rows: int | None = None
    audited: int | None = None
    overseers: Mapping[str, int] = {}


class ArmRecursion(Record):
    """The rounds of one arm, and what stopped it, if anything did."""

    arm: str
    title: str
    rounds: tuple[RoundResult, ...]
    trip: Trip | None = None


class ContrastResult(Record):
    """Arm a minus arm b after a round, on the same prompts."""

    a: str
    b: str
    metric: str
    round: int
    difference: Difference


class RecursionResults(Record):
    """Everything the page of a recursion shows."""

    name: str
    question: str
    seed: int
    command: str
    config_yaml: str
    versions: Mapping[str, str]
    arms: tuple[ArmRecursion, ...]
    contrasts: tuple[ContrastResult, ...] = ()

    @property
    def tripped(self) -> bool:
        """Whether a tripwire stopped some arm."""
        return any(arm.trip is not None for arm in self.arms)


def write_recursion(results: RecursionResults, folder: Path) -> Path:
    """Write `results.json` whole."""
    path = folder / RESULTS_FILE
    write_atomically(path, results.model_dump_json(indent=1) + "\n")
    return path
