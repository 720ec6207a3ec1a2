"""The laws of votes and ladders, simulated by the engine: an ordinary graph, simulated agents, the pass of any run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

from agents.simulated.spec import BetaBinomial, SimulatedSpec
from agents.spec import AgentSpec
from constitutions.constitution import Constitution, load_constitution
from constitutions.errors import InputError
from experiments.lab.simulate import simulate
from experiments.laws.nso import START, Skill, win
from experiments.laws.played import PASSED, plan_of
from experiments.laws.ranges import within
from hierarchy.arm import Arm
from hierarchy.audit.auditors import HumanSpec, SimulatedAuditorSpec
from hierarchy.audit.labour import Waiting
from hierarchy.builders import build
from hierarchy.compile import compile_graph
from hierarchy.graph import OversightGraph

PRINCIPLE = "privacy"  # any one: a vote is on one question


@dataclass(frozen=True)
class Share:
    """A simulated share of cases with its standard error."""

    value: float
    standard_error: float
    cases: int

    @classmethod
    def of(cls, count: int, cases: int, nothing: float = 0.0) -> Share:
        """`count` of `cases`; `nothing` where there are none."""
        value = count / cases if cases else nothing
        return cls(value, sqrt(value * (1.0 - value) / cases) if cases else 0.0, cases)

    def plain(self) -> dict[str, float | int]:
        """As it is printed beside the formula."""
        return {"simulated": self.value, "standard_error": self.standard_error, "cases": self.cases}


def jury(p: float, rho: float, n: int, cases: int, seed: int = 0) -> Share:
    """`majority_accuracy` by a panel of n relatives with beta-binomial dependence; half of the cases violate.

    A tie counts as violated, which is right for half of the cases: the fair coin. Raises InputError for n over 400.
    """
    within("--n", n, 1, 400)
    dependence = BetaBinomial(violating=rho, innocent=rho)
    spec = SimulatedSpec(sensitivity=p, false_alarm=1.0 - p, family="jury", dependence=dependence if rho else None)
    voters = {f"v{i}": spec for i in range(n)}
    return _share(_vote(n, {"kind": "majority"}), {**voters, "base": _coin()}, cases, seed)


def weighted(p: Sequence[float], cases: int, seed: int = 0) -> tuple[Share, Share]:
    """The plain majority's and the log-odds weighted vote's accuracy, on the same cases. Weights must be positive."""
    if min(p) <= 0.5:
        raise InputError("--simulate takes voters with p over 0.5; a negative weight is no vote in a graph")
    names = [f"v{i}" for i in range(len(p))]
    weights = {name: log(q / (1.0 - q)) for name, q in zip(names, p, strict=True)}
    agents = {name: SimulatedSpec(sensitivity=q, false_alarm=1.0 - q) for name, q in zip(names, p, strict=True)}
    rules: tuple[dict[str, object], ...] = ({"kind": "majority"}, {"kind": "weighted", "weights": weights})
    plain, best = (_share(_vote(len(p), rule), {**agents, "base": _coin()}, cases, seed) for rule in rules)
    return plain, best


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
    within("--simulate", cases, 1, 10**8)
    plan = plan_of(
        [{"id": "draft", "role": "base"}, {"id": "person", "role": "auditor"}],
        [{"from": "draft", "to": "person"}, {"from": "person", "to": "release", "when": PASSED}],
    )
    spec = SimulatedAuditorSpec(
        budget=cases, auditors=servers, minutes=1.0 / service, service="exponential", arrivals=arrival
    )
    arm = Arm("law", plan, {"draft": AgentSpec(model=SimulatedSpec())}, seed)
    return simulate([arm], cases, spec).waiting["law"]


def waited(
    servers: int, arrival: float, service: float, cases: int, seed: int = 0
) -> dict[str, dict[str, float | int]]:
    """`waiting` as it is printed beside the formula."""
    found = waiting(servers, arrival, service, cases, seed)
    share = Share(found.share, found.share_error, found.cases)
    return {"wait_probability": share.plain(), "mean_wait": Share(found.mean, found.mean_error, found.cases).plain()}


def _coin() -> SimulatedSpec:
    return SimulatedSpec(propensity=0.5)


def _vote(n: int, rule: dict[str, object]) -> OversightGraph:
    """A base, n critics, a vote; refused where the vote says violated."""
    voters = [f"v{i}" for i in range(n)]
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
