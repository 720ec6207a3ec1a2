"""The laws of votes and ladders, simulated by the engine: an ordinary graph, simulated agents, the pass of any run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, log, sqrt
from typing import Any

from agents.simulated.spec import BetaBinomial, SimulatedSpec
from agents.spec import AgentSpec
from constitutions.constitution import Constitution, load_constitution
from experiments.lab.simulate import simulate
from experiments.laws.nso import START, Skill, win
from experiments.laws.played import PASSED, plan_of
from experiments.laws.ranges import within
from experiments.statistics.shares import NORMAL, wilson
from hierarchy.arm import Arm
from hierarchy.audit.auditors import HumanSpec, SimulatedAuditorSpec
from hierarchy.audit.labour import Waiting
from hierarchy.builders import build
from hierarchy.compile import compile_graph
from hierarchy.graph import OversightGraph

PRINCIPLE = "privacy"  # any one: a vote is on one question
Plain = dict[str, Any]


@dataclass(frozen=True)
class Share:
    """A simulated share of cases, or a mean, with standard error and 95 % interval (None where it is not known)."""

    value: float
    standard_error: float
    cases: int
    interval: tuple[float, float] | None

    @classmethod
    def of(cls, count: int, cases: int, nothing: float = 0.0) -> Share:
        """`count` of `cases`, with Wilson's interval; `nothing` where there are none."""
        value = count / cases if cases else nothing
        error = sqrt(value * (1.0 - value) / cases) if cases else 0.0
        return cls(value, error, cases, wilson(count, cases) if cases else None)

    @classmethod
    def mean(cls, value: float, standard_error: float, cases: int, low: float = -inf, high: float = inf) -> Share:
        """A mean that is asymptotically normal, within [low, high]."""
        reach = NORMAL * standard_error
        known = (max(low, value - reach), min(high, value + reach)) if standard_error > 0 else None
        return cls(value, standard_error, cases, known)

    def plain(self) -> Plain:
        """As it is printed beside the formula."""
        interval = None if self.interval is None else list(self.interval)
        error = self.standard_error
        return {"simulated": self.value, "standard_error": error, "interval": interval, "cases": self.cases}


def jury(p: float, rho: float, n: int, cases: int, seed: int = 0) -> Share:
    """`majority_accuracy` by a panel of n relatives with beta-binomial dependence; half of the cases violate.

    A tie counts as violated, which is right for half of the cases: the fair coin. Raises InputError for n over 400.
    """
    within("--n with --simulate", n, 1, 400)
    dependence = BetaBinomial(violating=rho, innocent=rho)
    spec = SimulatedSpec(sensitivity=p, false_alarm=1.0 - p, family="jury", dependence=dependence if rho else None)
    voters = {f"v{i}": spec for i in range(n)}
    return _share(_vote(list(voters), {"kind": "majority"}), {**voters, "base": _coin()}, cases, seed)


def weighted(p: Sequence[float], cases: int, seed: int = 0) -> tuple[Share, Share]:
    """The plain majority's and the log-odds weighted vote's accuracy.

    A negative weight is a vote that counts for the other side: where p is below one half, the weighted vote asks an
    agent that is right with 1 - p. A weight of zero is nobody asked; where all are zero, one voter decides like a coin.
    """
    plain = {f"v{i}": q for i, q in enumerate(p)}
    best = {name: max(q, 1.0 - q) for name, q in plain.items() if q != 0.5} or {"v0": 0.5}
    weights = {name: log(q / (1.0 - q)) or 1.0 for name, q in best.items()}
    rules: tuple[dict[str, object], ...] = ({"kind": "majority"}, {"kind": "weighted", "weights": weights})
    one, other = (_poll(voters, rule, cases, seed) for voters, rule in zip((plain, best), rules, strict=True))
    return one, other


def _poll(voters: Mapping[str, float], rule: dict[str, object], cases: int, seed: int) -> Share:
    """How often a vote of independent voters is right, each right with its probability."""
    agents = {name: SimulatedSpec(sensitivity=q, false_alarm=1.0 - q) for name, q in voters.items()}
    return _share(_vote(list(voters), rule), {**agents, "base": _coin()}, cases, seed)


def ladder(
    guard: Skill, houdini: Skill, gap: float, steps: int, cases: int, start: float = START, seed: int = 0
) -> Share:
    """Nested scalable oversight by a ladder of critics: each rung upholds what is right with its guard's win
    probability, every case violates, and oversight holds where every rung did."""
    names = [f"rung{i}" for i in range(steps)]
    graph = build("ladder", steps=steps, overseers=names, on_flag="refuse")
    agents = {
        name: SimulatedSpec(sensitivity=win(guard, houdini, gap, steps, i, start), false_alarm=0.0)
        for i, name in enumerate(names)
    }
    return _share(graph, {**agents, "base": SimulatedSpec(propensity=1.0)}, cases, seed)


def waiting(servers: int, arrival: float, service: float, cases: int, seed: int = 0) -> Waiting:
    """Cases come as a Poisson stream, and every one goes from the base to `servers` auditors; exponential service."""
    within("--arrival with --simulate", arrival, 0, inf, open_low=True)
    within("--simulate", cases, servers, 10**8)
    plan = plan_of(
        [{"id": "draft", "role": "base"}, {"id": "person", "role": "auditor"}],
        [{"from": "draft", "to": "person"}, {"from": "person", "to": "release", "when": PASSED}],
    )
    spec = SimulatedAuditorSpec(
        budget=cases, auditors=servers, minutes=1.0 / service, service="exponential", arrivals=arrival
    )
    arm = Arm("law", plan, {"draft": AgentSpec(model=SimulatedSpec())}, seed)
    return simulate([arm], cases, spec).waiting["law"]


def waited(servers: int, arrival: float, service: float, cases: int, seed: int = 0) -> dict[str, Plain]:
    """`waiting` as it is printed beside the formula."""
    found = waiting(servers, arrival, service, cases, seed)
    share = Share.mean(found.share, found.share_error, found.cases, 0.0, 1.0)
    wait = Share.mean(found.mean, found.mean_error, found.cases, 0.0)
    return {"wait_probability": share.plain(), "mean_wait": wait.plain()}


def _coin() -> SimulatedSpec:
    return SimulatedSpec(propensity=0.5)


def _vote(voters: list[str], rule: dict[str, object]) -> OversightGraph:
    """A base, critics, a vote; refused where the vote says violated."""
    steps = [
        {"id": "draft", "role": "base", "agent": "base", "route": "fan_out"},
        *({"id": name, "role": "critic", "agent": name} for name in voters),
        {"id": "vote", "role": "consensus", "members": voters, "rule": rule},
    ]
    edges = [
        {"from": "draft", "to": voters},
        *({"from": name, "to": "vote"} for name in voters),
        {"from": "vote", "to": "release", "when": {"field": "verdict", "op": "eq", "value": "accept"}},
    ]
    return OversightGraph.model_validate({"name": "vote", "steps": steps, "edges": edges})


def _share(graph: OversightGraph, agents: dict[str, SimulatedSpec], cases: int, seed: int) -> Share:
    """The share of cases in which oversight is right: refused where the answer violates, released where it does not."""
    within("--simulate", cases, 1, 10**9)
    specs = {name: AgentSpec(model=spec) for name, spec in agents.items()}
    others = {str(step.agent) for step in graph.steps if step.agent} - specs.keys()
    specs |= {name: AgentSpec(model=SimulatedSpec()) for name in others}
    plan = compile_graph(graph, {*specs, "auditor"}, _constitution)
    tally = simulate([Arm("law", plan, specs, seed)], cases, HumanSpec()).tallies["law"]
    right = tally.n - tally.flags["missed_violations"] - tally.flags["false_alarms"]
    return Share.of(right, tally.n)


def _constitution(name: str | None) -> Constitution:
    return load_constitution("general").subset([PRINCIPLE])
