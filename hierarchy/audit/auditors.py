"""Who works the audit queue: a simulated auditor with a budget and errors, recorded answers, or people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, assert_never

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from agents import rng
from agents.spec import Spec
from agents.vocabulary import Verdict
from constitutions.strict import Share, Text, problem
from hierarchy.audit.decision import Decision
from hierarchy.audit.labour import Service, service_minutes, tired
from hierarchy.audit.queue import AuditQueue
from hierarchy.audit.records import Item, ItemKey
from hierarchy.database import chunks

_BATCH = 256
MOST_REVIEWERS = 16


class SimulatedAuditorSpec(Spec):
    """An auditor that knows the truth and errs: P(flag | violates) = `sensitivity`, P(pass | fine) = `specificity`.

    Flagged cases are revised with the reference answer where `revises` and there is one, else rejected. Where a step
    asks for several reviewers, as many such people err independently, and one more adjudicates what they disagree on.

    Attributes:
        budget: how many decisions per arm are given; what is open when it is used up follows the graph's policy.
        minutes: human minutes a case costs, on average; service: whether every case takes just that, or as long as an
            exponential variable of that mean.
        auditors: how many of them work side by side.
        shift: cases each decides in a shift; None: nobody counts. fatigue: logits of sensitivity lost from the first
            case of a shift to its last (see `hierarchy.audit.labour`).
        arrivals: cases of the experiment that come per minute, reviewed or not; with it the lab tells how long cases
            wait for an auditor.
    """

    kind: Literal["simulated"] = "simulated"
    name: Text = "simulated"
    budget: int = Field(ge=0)
    sensitivity: Share = 0.95
    specificity: Share = 0.95
    minutes: float = Field(3.0, ge=0)
    revises: bool = True
    service: Service = "fixed"
    auditors: int = Field(1, ge=1, le=100_000)
    shift: int | None = Field(None, ge=1)
    fatigue: float = Field(0.0, ge=0, le=20)
    arrivals: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _shifts_tire(self) -> SimulatedAuditorSpec:
        if self.fatigue and self.shift is None:
            raise problem("fatigue grows over a shift; say how many cases a shift has", "shift")
        return self


class RecordedAuditorSpec(Spec):
    """Labels that people once gave, a row per case in a CSV or JSONL file (see `RecordedSpec` for the columns).

    A case without a recorded label is not decided; it follows the graph's policy, and so does one that asks for more
    reviewers than the one whose label was recorded.
    """

    kind: Literal["recorded"] = "recorded"
    name: Text = "recorded"
    path: str
    id: str = "id"
    label: str
    labels: dict[str, str] = Field(default_factory=dict, description="rename the file's labels to the graph's")
    minutes: float = Field(0.0, ge=0)


class HumanSpec(Spec):
    """People answer, in their own time: the run leaves its cases waiting."""

    kind: Literal["human"] = "human"


AuditorSpec = Annotated[SimulatedAuditorSpec | RecordedAuditorSpec | HumanSpec, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known about an item from outside: an oracle's word, or a recorded one.

    Attributes:
        violates: whether the response under review breaks the constitution.
        reference: a right answer; None where there is none.
        reference_latent: its simulated content, for cases without text; None where there is none.
        label: the label that is right, or that was recorded; None where it is missing.
    """

    violates: bool
    reference: str | None = None
    reference_latent: int | None = None
    label: str | None = None


Oracle = Callable[[Item], Truth]


def work(queue: AuditQueue, spec: AuditorSpec, arm: str, seed: int, now: float, truth: Oracle) -> int:
    """Let an auditor work through what waits in an arm; returns how many cases it decided in this call.

    It may be repeated, after a crash too: decisions stand, and the budget counts those of every call. People decide
    nothing here. `truth` is the oracle for a simulated auditor and the recorded label for a recorded one.
    """
    match spec:
        case SimulatedAuditorSpec():
            return _simulate(queue, spec, arm, seed, now, truth)
        case RecordedAuditorSpec():
            return _replay(queue, spec, arm, now, truth)
        case HumanSpec():
            return 0
        case _:
            assert_never(spec)


def _simulate(queue: AuditQueue, spec: SimulatedAuditorSpec, arm: str, seed: int, now: float, truth: Oracle) -> int:
    done = 0
    crew = [spec.name, *(f"{spec.name} {n}" for n in range(2, MOST_REVIEWERS + 2))]
    while (left := spec.budget - (spent := queue.spent(crew, arm))) > 0:
        most = min(left, _BATCH)
        items = queue.waiting(now, arm, most, disputed=True) or queue.waiting(now, arm, most)
        if not items:
            return done
        given = queue.decide_many(_answers(spec, crew, seed, items, spent, truth), now, spec.budget, crew)
        if not given:
            return done
        done += given
    queue.close(now, arm)
    return done


def _answers(
    spec: SimulatedAuditorSpec, crew: Sequence[str], seed: int, items: Sequence[Item], spent: int, truth: Oracle
) -> list[tuple[ItemKey, Decision]]:
    """What everybody who may be asked would say, case by case: the reviewers, then whoever would adjudicate."""
    order = np.arange(spent, spent + len(items))
    skill = tired(spec.sensitivity, spec.fatigue, spec.shift, spec.auditors, order).tolist()
    minutes = service_minutes(spec.minutes, spec.service, _keys(items), seed).tolist()
    truths = [truth(item) for item in items]
    most = max(item.reviewers for item in items)
    people = crew[: most + (most > 1)]
    draws = [_draws(name, seed, items).tolist() for name in people]
    return [
        (item.key, _answer(spec, name, truths[i], drawn[i], skill[i], minutes[i]))
        for i, item in enumerate(items)
        for name, drawn in zip(people, draws, strict=True)
    ]


def _draws(name: str, seed: int, items: Sequence[Item]) -> NDArray[np.float64]:
    # Not keyed by arm or step: in two arms the same auditor errs on the same cases (common random numbers).
    key = rng.fold(rng.key(seed, "auditor", name), _keys(items))
    return rng.uniform(rng.fold(key, np.array([i.round for i in items]), np.array([i.epoch for i in items])))


def _keys(items: Sequence[Item]) -> rng.Keys:
    return rng.text_keys(np.array([item.case_id for item in items], object))


def _answer(spec: SimulatedAuditorSpec, name: str, truth: Truth, draw: float, skill: float, minutes: float) -> Decision:
    flags = draw < (skill if truth.violates else 1.0 - spec.specificity)
    if not flags:
        return Decision(Verdict.ACCEPT, name, minutes=minutes)
    if spec.revises and (truth.reference is not None or truth.reference_latent is not None):
        return Decision(Verdict.REVISE, name, truth.reference, truth.reference_latent, minutes=minutes)
    return Decision(Verdict.REJECT, name, minutes=minutes)


def _replay(queue: AuditQueue, spec: RecordedAuditorSpec, arm: str, now: float, truth: Oracle) -> int:
    labels = ((item.key, truth(item).label) for item in queue.waiting(now, arm))
    answers = [
        (key, Decision(Verdict.ACCEPT, spec.name, label=label, minutes=spec.minutes))
        for key, label in labels
        if label is not None
    ]
    done = sum(queue.decide_many(part, now) for part in chunks(answers, _BATCH))
    queue.close(now, arm)
    return done
